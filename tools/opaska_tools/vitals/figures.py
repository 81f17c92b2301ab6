# SPDX-License-Identifier: Apache-2.0
"""From what the sense said of each measurement to errors, shares and the trend of saturation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_tools.falls.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from opaska_tools.vitals.evaluate import Heard, Window

CLOSE_BPM = 5
STEADY_BPM = 15  # the reference moves no more within the window
_LOW_PERCENT, _HIGH_PERCENT = 88, 95  # saturations that a trend must tell apart
_SMOOTHED = 10  # ratios in a median: 20 s of segments
_LEAST = 20  # ratios in a trend that says anything


def summarise(heard: Iterable[Heard]) -> dict[str, Any]:
    """Figures of each set, and of each person in it."""
    sets: dict[str, list[Heard]] = defaultdict(list)
    for take in heard:
        sets[take.dataset].append(take)
    return {"sets": {name: _of_set(takes) for name, takes in sets.items()}}


def _of_set(takes: list[Heard]) -> dict[str, Any]:
    windows = [window for take in takes for window in take.windows]
    people = sorted({take.subject for take in takes})
    saturation = [_trend(take) for take in takes if take.segments]
    return {
        "people": len(people),
        "takes": len(takes),
        **_of_windows(windows),
        "reference_steady": _of_windows(
            [window for window in windows if window.reference_moved_bpm <= STEADY_BPM]
        ),
        "by_take": {f"{take.subject} {take.sensor}": _of_windows(take.windows) for take in takes},
        "saturation": _saturation(saturation) if saturation else None,
    }


def _of_windows(windows: list[Window]) -> dict[str, Any]:
    accepted = [window for window in windows if window.pulse_bpm is not None]
    errors = [(window.pulse_bpm or 0) - window.reference_bpm for window in accepted]
    sizes = [abs(error) for error in errors]
    close = sum(size <= CLOSE_BPM for size in sizes)
    return {
        "windows": len(windows),
        "accepted": len(accepted),
        "accepted_share": _share(len(accepted), len(windows)),
        "mae_bpm": _mean(sizes),
        "bias_bpm": _mean(errors),
        "p95_bpm": percentile(sizes, 95),
        "within_5_bpm_share": _share(close, len(accepted)),
        "took_s": _mean([window.took_s for window in accepted]),
    }


def _trend(take: Heard) -> dict[str, Any]:
    """How the ratio follows the reference in one take. A median over 20 s, no delay taken off."""
    out: dict[str, Any] = {
        "take": f"{take.subject} {take.sensor}",
        "segments": take.segments,
        "clear_share": _share(len(take.ratios), take.segments),
        "correlation": None,
        "told_apart": None,
    }
    if len(take.ratios) < _LEAST:
        return out
    pairs = np.array(take.ratios)
    spans = [pairs[at : at + _SMOOTHED] for at in range(len(pairs) - _SMOOTHED + 1)]
    ratios = np.array([np.median(span[:, 0]) for span in spans])
    spo2 = np.array([np.mean(span[:, 1]) for span in spans])
    if not np.ptp(spo2) or not np.ptp(ratios):
        return out  # nothing changed, so there is no trend
    out["correlation"] = round(float(np.corrcoef(ratios, spo2)[0, 1]), 3)
    out["told_apart"] = _told_apart(ratios, spo2)
    return out


def _told_apart(ratios: NDArray[Any], spo2: NDArray[Any]) -> float | None:
    """How often a ratio at low saturation is above one at high saturation: 0.5 is luck."""
    low, high = ratios[spo2 <= _LOW_PERCENT], ratios[spo2 >= _HIGH_PERCENT]
    if not len(low) or not len(high):
        return None
    above = (low[:, None] > high[None, :]).mean()
    return round(float(above), 3)


def _saturation(takes: list[dict[str, Any]]) -> dict[str, Any]:
    """Over the takes of a set; the trend is right when the ratio falls as saturation rises."""
    known = [take["correlation"] for take in takes if take["correlation"] is not None]
    apart = [take["told_apart"] for take in takes if take["told_apart"] is not None]
    return {
        "takes": len(takes),
        "with_trend": len(known),
        "trend_right": sum(correlation < 0 for correlation in known),
        "median_correlation": round(float(np.median(known)), 3) if known else None,
        "median_told_apart": round(float(np.median(apart)), 3) if apart else None,
        "by_take": takes,
    }


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
