# SPDX-License-Identifier: Apache-2.0
"""The trade-off, for people whom the learning never saw: falls found over false alarms."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opaska_tools.falls.figures import summarise
from opaska_tools.falls.recordings import BadFolder
from opaska_tools.firmware_build import ROOT

if TYPE_CHECKING:
    from opaska_tools.falls.crossvalidate import Judged

CURVE = ROOT / "docs" / "falls_curve.json"
_LINES = range(-64, 257, 8)

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 24, 56
_LEAST_PER_H, _MOST_PER_H = 0.02, 2.0
_LEAST_SHARE = 0.5
_INK = {"as_recorded": "#1b5e9b", "clipped_to_2_g": "#b3541e"}
_WORDS = {"as_recorded": "as recorded", "clipped_to_2_g": "cut off at 2 g"}


def points(judged: Judged) -> list[dict[str, Any]]:
    """One point per line: sensitivity over sets with falls, false alarms over those without."""
    out: list[dict[str, Any]] = []
    for line in _LINES:
        point: dict[str, Any] = {"line": line}
        for kind, clip in (("as_recorded", False), ("clipped_to_2_g", True)):
            figures = summarise(judged.verdicts(line, clip=clip))
            point[kind] = {
                **_place(figures),
                "specificity": {name: one["specificity"] for name, one in figures["sets"].items()},
                "sensitivities": {
                    name: one["sensitivity"]
                    for name, one in figures["sets"].items()
                    if one["falls"]
                },
            }
        out.append(point)
    return out


def _place(figures: dict[str, Any]) -> dict[str, Any]:
    """Where an evaluation stands on the curve."""
    daily = [one for one in figures["sets"].values() if not one["falls"]]
    hours = sum(one["hours"] for one in daily)
    alarms = sum(one["false_alarms"] for one in daily)
    return {
        "sensitivity": figures["pooled"]["sensitivity"],
        "false_alarms": alarms,
        "hours": round(hours, 2),
        "false_per_hour": round(alarms / hours, 4) if hours else None,
    }


def draw(data: Path, output: Path | None = None) -> Path:
    """Draw the curve as SVG; BadFolder if it cannot be read or written."""
    output = output or data.with_suffix(".svg")
    try:
        report = json.loads(data.read_text())
        picture = [*_frame(), *_curves(report), *_profiles(report), "</svg>", ""]
        output.write_text("\n".join(picture))
    except OSError as error:
        raise BadFolder(f"{error.filename}: {(error.strerror or 'error').lower()}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        advice = "name a file that `opaska falls train` wrote"
        raise BadFolder(f"{data}: no data of a curve ({error!r}); {advice}") from None
    return output


def _x(per_hour: float) -> float:
    share = math.log(max(per_hour, _LEAST_PER_H) / _LEAST_PER_H)
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share / math.log(_MOST_PER_H / _LEAST_PER_H)


def _y(share: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share) / (1 - _LEAST_SHARE)


def _text(x: float, y: float, words: str, anchor: str = "middle", ink: str = "#333") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{ink}">{words}</text>'


def _frame() -> list[str]:
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Falls found over false alarms per hour of daily life</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for per_hour in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0):
        x = _x(per_hour)
        out.append(f'<path d="M{x:.0f} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#ddd"/>')
        out.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{per_hour:g}"))
    for percent in range(int(_LEAST_SHARE * 100), 101, 10):
        y = _y(percent / 100)
        out.append(f'<path d="M{_LEFT} {y:.0f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        out.append(_text(_LEFT - 8, y + 4, f"{percent} %", "end"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    out.append(
        _text(
            middle,
            _HEIGHT - 12,
            "false alarms per hour of daily life (0.02 or fewer at the left edge)",
        )
    )
    out.append(_text(_LEFT + 8, _TOP + 14, "falls found, people unseen in training", "start"))
    return out


def _curves(report: dict[str, Any]) -> list[str]:
    out: list[str] = []
    for row, (kind, ink) in enumerate(_INK.items()):
        places = [
            f"{_x(point[kind]['false_per_hour']):.1f} {_y(point[kind]['sensitivity']):.1f}"
            for point in report["curve"]
            if point[kind]["sensitivity"] >= _LEAST_SHARE
            and point[kind]["false_per_hour"] <= _MOST_PER_H
        ]
        out.append(f'<path d="M{"L".join(places)}" fill="none" stroke="{ink}" stroke-width="2"/>')
        y = _HEIGHT - _BOTTOM - 34 + 18 * row
        out.append(_text(_WIDTH - _RIGHT - 8, y, _WORDS[kind], "end", ink))
    return out


def _profiles(report: dict[str, Any]) -> list[str]:
    out: list[str] = []
    for name, profile in report["profiles"].items():
        for kind, ink in _INK.items():
            point = _place(profile[kind])
            x, y = _x(point["false_per_hour"]), _y(point["sensitivity"])
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{ink}"/>')
            if kind == "as_recorded":
                out.append(_text(x + 9, y - 8, name, "start", ink))
    return out
