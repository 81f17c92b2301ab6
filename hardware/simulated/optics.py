# SPDX-License-Identifier: Apache-2.0
"""What comes back to the oximeter's eye: from skin with a pulse, from a table, from the air, or as
it was recorded. Runs on CPython, in the supervisor. The model is described in docs/vitals.md.

Light is in nA of the eye for each mA of an LED; times are in ms since the source began.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .chips.max30102_light import Light

if TYPE_CHECKING:
    from collections.abc import Sequence

_BREATHS_HZ = 0.25
_COUNT_NA = 0.015_625  # a count at the range of 4096 nA
_COUNTED_MA = 7.0  # LED current at which a recording's counts are taken for


class Source(Protocol):
    """Something in front of the eye."""

    def light(self, since_ms: float) -> Light: ...


class Surface(NamedTuple):
    """It gives back light and has no pulse."""

    red: float
    infrared: float
    ambient_na: float = 0.0

    def light(self, since_ms: float) -> Light:
        return Light(self.red, self.infrared, self.ambient_na)


AIR = Surface(5.0, 5.0, 20_000.0)  # what the band's own window gives back, in a lit room
TABLE = Surface(150.0, 160.0, 500.0)  # face down on something white


class Pulse(NamedTuple):
    """Skin over a beating artery. A beat darkens both colours, red by R times infrared."""

    heart_rate_bpm: float = 68.0
    spo2_percent: float = 97.0
    perfusion_percent: float = 1.0  # height of the infrared wave, of its mean
    rate_swing_percent: float = 4.0  # by breathing
    baseline_swing_percent: float = 0.3  # likewise
    red: float = 185.0
    infrared: float = 225.0
    ambient_na: float = 2_000.0
    flicker_percent: float = 50.0  # of the ambient light, at twice the mains' 50 Hz

    @property
    def ratio(self) -> float:
        """Of ratios, by the straight line of the textbooks: SpO2 = 110 - 25 R."""
        return (110 - self.spo2_percent) / 25

    def light(self, since_ms: float) -> Light:
        at_s = since_ms / 1000
        breath = 2 * math.pi * _BREATHS_HZ * at_s
        beats = self.heart_rate_bpm / 60
        swing = self.rate_swing_percent / 100 * beats / (2 * math.pi * _BREATHS_HZ)
        wave = self.perfusion_percent / 100 * beat((beats * at_s + swing * math.sin(breath)) % 1)
        drift = 1 + self.baseline_swing_percent / 100 * math.sin(breath)
        flicker = 1 + self.flicker_percent / 100 * math.sin(2 * math.pi * 100 * at_s)
        return Light(
            self.red * drift * (1 - self.ratio * wave),
            self.infrared * drift * (1 - wave),
            self.ambient_na * flicker,
        )


class Recorded(NamedTuple):
    """Counts as another MAX30102 took them, at 7 mA and 4096 nA; after its end, its end."""

    rate_hz: float
    red: Sequence[float]
    infrared: Sequence[float]

    def light(self, since_ms: float) -> Light:
        place = since_ms * self.rate_hz / 1000
        return Light(_between(self.red, place), _between(self.infrared, place), 0.0)


def beat(phase: float) -> float:
    """Between 0 and 1 over one beat: the stroke, then the smaller wave that comes back."""
    stroke = math.exp(-(((phase - 0.20) / 0.09) ** 2))
    return stroke + 0.35 * math.exp(-(((phase - 0.48) / 0.11) ** 2))


def _between(counts: Sequence[float], place: float) -> float:
    left = max(0, min(int(place), len(counts) - 1))
    right = min(left + 1, len(counts) - 1)
    share = min(max(place - left, 0.0), 1.0)
    return (counts[left] + (counts[right] - counts[left]) * share) * _COUNT_NA / _COUNTED_MA
