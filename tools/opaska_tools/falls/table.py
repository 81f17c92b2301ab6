# SPDX-License-Identifier: Apache-2.0
"""The evaluation's figures as a table for people."""

from __future__ import annotations

from typing import Any

_HEAD = (
    "set", "falls", "found", "sens.", "daily", "false", "spec.", "older", "hours",
    "alarms/h (95 %)", "gate/h", "delay p50/p95 s",
)  # fmt: skip


def table(figures: dict[str, Any]) -> str:
    """One line per set, then all together, then what the index flags."""
    rows: list[tuple[str, ...]] = [_HEAD]
    rows += [_row(name, one) for name, one in figures["sets"].items()]
    rows.append(_row("all", figures["pooled"]))
    rows += [_row(f"{name}, flagged", one) for name, one in figures["flagged"].items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    clip = f", cut off at {figures['clip_g']:g} g" if figures["clip_g"] else ""
    parameters = figures["parameters"]
    lines.append(
        f"profile {figures['profile']}{clip}; parameters {parameters['version']} from "
        f"{parameters['made_from']}; the last sample of each recording is held for 5 s"
    )
    return "\n".join(lines)


def _row(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    low, high = one["false_per_hour_95"]
    rate = "-" if low is None else f"{one['false_per_hour']:.3f} ({low:.3f}-{high:.3f})"
    return (
        name,
        str(one["falls"]),
        str(one["detected"]),
        _share(one["sensitivity"]),
        str(one["daily"]),
        str(one["false"]),
        _share(one["specificity"]),
        f"{one['older_false']} of {one['older_daily']}",
        f"{one['hours']:.1f}",
        rate,
        "-" if one["openings_per_hour"] is None else f"{one['openings_per_hour']:.0f}",
        "-"
        if one["delay_s"]["p50"] is None
        else f"{one['delay_s']['p50']:.1f}/{one['delay_s']['p95']:.1f}",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
