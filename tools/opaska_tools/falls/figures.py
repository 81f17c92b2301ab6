# SPDX-License-Identifier: Apache-2.0
"""From what the detector said of each recording to sensitivity, specificity, alarms per hour."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opaska_tools.falls.stream import apart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opaska_tools.falls.recordings import Recording
    from opaska_tools.falls.stream import Alarm

_HARDNESS_G = (1.5, 2.2, 3.0, 4.0)  # edges of the peaks by which falls are counted
AWAKE_H = 16  # of a day, that a band is worn and moved


@dataclass(frozen=True)
class Verdict:
    """One recording and the alarms that it brought."""

    recording: Recording
    alarms: list[Alarm]
    openings: int  # impacts that opened the gate


@dataclass
class Tally:
    """Counts over some recordings."""

    falls: int = 0
    detected: int = 0
    daily: int = 0
    false: int = 0  # daily recordings with an alarm
    older_daily: int = 0
    older_false: int = 0
    seconds: float = 0.0  # of daily life
    alarms: int = 0  # in daily life, 30 s apart
    openings: int = 0  # of the gate in daily life
    delays_s: list[float] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one recording."""
        recording, alarmed = verdict.recording, bool(verdict.alarms)
        if recording.is_fall:
            self.falls += 1
            self.detected += alarmed
            if alarmed:
                self.delays_s.append(verdict.alarms[0].at_s - verdict.alarms[0].impact_s)
            return
        self.daily += 1
        self.false += alarmed
        self.seconds += recording.count / recording.rate_hz
        self.alarms += apart([alarm.at_s for alarm in verdict.alarms])
        self.openings += verdict.openings
        if recording.is_older:
            self.older_daily += 1
            self.older_false += alarmed

    def summary(self) -> dict[str, Any]:
        """The figures; None where there is nothing to divide by."""
        hours = self.seconds / 3600
        low, high = poisson_interval(self.alarms)
        return {
            "falls": self.falls,
            "detected": self.detected,
            "sensitivity": _share(self.detected, self.falls),
            "daily": self.daily,
            "false": self.false,
            "specificity": _share(self.daily - self.false, self.daily),
            "older_daily": self.older_daily,
            "older_false": self.older_false,
            "older_specificity": _share(self.older_daily - self.older_false, self.older_daily),
            "hours": round(hours, 3),
            "false_alarms": self.alarms,
            "false_per_hour": _rate(self.alarms, hours),
            "false_per_hour_95": [_rate(low, hours), _rate(high, hours)],
            "false_per_16h": _rate(self.alarms * AWAKE_H, hours),
            "openings_per_hour": _rate(self.openings, hours),
            "delay_s": {
                "p50": percentile(self.delays_s, 50),
                "p95": percentile(self.delays_s, 95),
            },
        }


def summarise(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Figures of each set and of all together; recordings flagged in the index apart from them."""
    sets: dict[str, Tally] = defaultdict(Tally)
    flagged: dict[str, Tally] = defaultdict(Tally)
    pooled = Tally()
    for verdict in verdicts:
        name = verdict.recording.dataset
        plain = sets[name]  # every set is named, even one whose recordings are all flagged
        if verdict.recording.flagged:
            flagged[name].add(verdict)
        else:
            plain.add(verdict)
            pooled.add(verdict)
    return {
        "sets": {name: tally.summary() for name, tally in sets.items()},
        "pooled": pooled.summary(),
        "flagged": {name: tally.summary() for name, tally in flagged.items()},
    }


def cases(verdicts: Iterable[Verdict]) -> dict[str, dict[str, list[int]]]:
    """[alarmed, of] for each activity of each set, falls also by how hard the impact was."""
    out: dict[str, dict[str, list[int]]] = {}
    for verdict in verdicts:
        recording = verdict.recording
        names = [recording.activity]
        if recording.is_fall and recording.peak_g is not None:
            names.append(_hardness(recording.peak_g))
        for name in names:
            count = out.setdefault(recording.dataset, {}).setdefault(name, [0, 0])
            count[0] += bool(verdict.alarms)
            count[1] += 1
    return out


def _hardness(peak_g: float) -> str:
    for limit_g in _HARDNESS_G:
        if peak_g < limit_g:
            return f"falls below {limit_g:g} g"
    return "harder falls"


def percentile(values: list[float], percent: float) -> float | None:
    """The nearest-rank percentile: a value that was really measured."""
    if not values:
        return None
    rank = max(1, math.ceil(len(values) * percent / 100))
    return round(sorted(values)[rank - 1], 2)


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval of a count of rare events, after Garwood (1936)."""
    low = 0.0 if count == 0 else _mean_with(count - 1, 0.975)
    return low, _mean_with(count, 0.025)


def _at_most(count: int, mean: float) -> float:
    """The probability of at most `count` events where `mean` are expected."""
    if mean <= 0:
        return 1.0
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def _mean_with(count: int, probability: float) -> float:
    """The mean at which at most `count` events have this probability."""
    low, high = 0.0, 20.0 + 3.0 * count
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(count, middle) > probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rate(count: float, hours: float) -> float | None:
    return round(count / hours, 4) if hours else None
