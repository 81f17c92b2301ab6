# SPDX-License-Identifier: Apache-2.0
"""Percentiles of measured times."""

from __future__ import annotations


def percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured. 0.0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def summary_ms(values_s: list[float]) -> dict[str, float]:
    """p50, p99 and max in milliseconds."""
    return {
        "p50": round(percentile(values_s, 50) * 1000, 1),
        "p99": round(percentile(values_s, 99) * 1000, 1),
        "max": round(max(values_s, default=0.0) * 1000, 1),
    }
