# SPDX-License-Identifier: Apache-2.0
"""The evaluation's figures as a table for people."""

from __future__ import annotations

from typing import Any

from opaska_tools.vitals.figures import CLOSE_BPM, STEADY_BPM

_HEAD = (
    "set", "people", "windows", "accepted", "share", "error", "bias", "p95",
    f"within {CLOSE_BPM}", "took",
)  # fmt: skip


def table(figures: dict[str, Any]) -> str:
    """Two lines for each set; then what is to be known of saturation."""
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, one in figures["sets"].items():
        rows.append(_row(name, str(one["people"]), one))
        rows.append(_row(f"{name}, reference steady", "", one["reference_steady"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.append(
        "a window is one measurement of at most two minutes; errors in beats a minute, time in s; "
        f"steady: the reference moves by at most {STEADY_BPM} in the window"
    )
    lines += [
        _saturation(name, one["saturation"])
        for name, one in figures["sets"].items()
        if one["saturation"]
    ]
    return "\n".join(lines)


def _row(name: str, people: str, one: dict[str, Any]) -> tuple[str, ...]:
    return (
        name,
        people,
        str(one["windows"]),
        str(one["accepted"]),
        _number(one["accepted_share"], 3),
        _number(one["mae_bpm"], 2),
        _number(one["bias_bpm"], 2),
        _number(one["p95_bpm"], 1),
        _number(one["within_5_bpm_share"], 3),
        _number(one["took_s"], 0),
    )


def _saturation(name: str, one: dict[str, Any]) -> str:
    return (
        f"{name}, saturation: the ratio falls as it rises in {one['trend_right']} of "
        f"{one['with_trend']} takes with a trend ({one['takes']} in all), median correlation "
        f"{_number(one['median_correlation'], 2)}; an orientation value, nothing is claimed"
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
