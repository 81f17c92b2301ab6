# SPDX-License-Identifier: Apache-2.0
"""The body over time: at rest, or going through a recording. Runs on CPython, in the supervisor.

Acceleration is that of the wrist in the axes of the chip, in mg; at rest it is gravity alone. In
front of the oximeter is one source of light (optics.py); as the wrist moves, the light does too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .optics import AIR, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .chips.max30102_light import Light
    from .optics import Source

Sample = tuple[float, float, float]  # mg

INTO_POSTURE_MS = 1000.0  # from the rest before into the first posture of a recording
_AVERAGED_FROM = 1.5  # times the chip's rate: of a faster recording each sample is a mean
_CHIP_HZ = 52.0
_JERK_MS = 80.0  # the skin follows the band so late
_MOVED_PERCENT = 3.0  # of the light, for each g by which the acceleration changes meanwhile


class Motion(NamedTuple):
    """A recording: samples in mg at an even rate."""

    rate_hz: float
    samples: Sequence[tuple[int, int, int]]

    @property
    def duration_ms(self) -> float:
        return (len(self.samples) - 1) * 1000 / self.rate_hz


class Wearer:
    """Whoever changes what it does lets the chip catch up first (wiring.py)."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self._now_ms = now_ms
        self._before: Sample = (0.0, 0.0, 1000.0)  # the rest until `_begin_ms`
        self._begin_ms = 0.0
        self._motion: Motion | None = None
        self._source: Source = Pulse()
        self._source_ms = 0.0  # since when

    def show(self, source: Source | None) -> None:
        """From now on this is in front of the oximeter; None: the air."""
        self._source = source or AIR
        self._source_ms = self._now_ms()

    def light(self, at_ms: float) -> Light:
        """What comes back from it."""
        light = self._source.light(at_ms - self._source_ms)
        if self.rests_until(at_ms) > at_ms:
            return light
        now, before = self.acceleration_mg(at_ms), self.acceleration_mg(at_ms - _JERK_MS)
        moved = sum(a - b for a, b in zip(now, before, strict=True)) / 1000
        gain = max(0.0, 1 + _MOVED_PERCENT / 100 * moved)
        return light._replace(red=light.red * gain, infrared=light.infrared * gain)

    def wear(self, motion: Motion) -> float:
        """Go into its first posture, through it, and then stay as it ends. Returns the time (ms)
        of its first sample."""
        now_ms = self._now_ms()
        self._before = self.acceleration_mg(now_ms)
        self._begin_ms = now_ms
        self._motion = motion
        return now_ms + INTO_POSTURE_MS

    def rests_until(self, at_ms: float) -> float:
        """So long nothing moves; `at_ms` itself while something does."""
        if self._motion is None:
            return math.inf
        if at_ms < self._begin_ms:
            return self._begin_ms
        end_ms = self._begin_ms + INTO_POSTURE_MS + self._motion.duration_ms
        return math.inf if at_ms >= end_ms else at_ms

    def acceleration_mg(self, at_ms: float) -> Sample:
        if self._motion is None or at_ms <= self._begin_ms:
            return self._before
        since_ms = at_ms - self._begin_ms - INTO_POSTURE_MS
        if since_ms < 0:
            turned = (1 - math.cos(math.pi * (1 + since_ms / INTO_POSTURE_MS))) / 2
            return _between(self._before, self._motion.samples[0], turned)
        return _at(self._motion, since_ms * self._motion.rate_hz / 1000)


def _at(motion: Motion, place: float) -> Sample:
    """Between two samples on a straight line; several samples of a faster recording as a mean."""
    samples = motion.samples
    last = len(samples) - 1
    per_sample = motion.rate_hz / _CHIP_HZ
    if per_sample >= _AVERAGED_FROM:
        end = min(int(place), last)
        part = samples[max(0, end - round(per_sample) + 1) : end + 1]
        x, y, z = (sum(axis) / len(part) for axis in zip(*part, strict=True))
        return x, y, z
    left = min(int(place), last)
    right = min(left + 1, last)
    share = place - left
    x, y, z = (a + (b - a) * share for a, b in zip(samples[left], samples[right], strict=True))
    return x, y, z


def _between(one: Sample, other: Sample, share: float) -> Sample:
    """On the way from one posture to another: gravity turns, and does not shrink."""
    a, b = _length(one), _length(other)
    cosine = sum(p * q for p, q in zip(one, other, strict=True)) / (a * b or 1)
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    if angle < 0.01:
        p, q = 1 - share, share
    elif angle > math.pi - 0.01:  # any way round
        side = (one[1], -one[0], 0.0) if abs(one[2]) < a / 2 else (0.0, one[2], -one[1])
        halfway = _scaled(side, b / (_length(side) or 1))
        if share < 0.5:
            return _between(one, halfway, 2 * share)
        return _between(halfway, other, 2 * share - 1)
    else:
        p, q = math.sin((1 - share) * angle), math.sin(share * angle)
    x, y, z = (p * v / (a or 1) + q * w / (b or 1) for v, w in zip(one, other, strict=True))
    turned = (x, y, z)
    return _scaled(turned, (a + (b - a) * share) / (_length(turned) or 1))


def _length(vector: Sample) -> float:
    return math.sqrt(sum(axis * axis for axis in vector))


def _scaled(vector: Sample, by: float) -> Sample:
    return vector[0] * by, vector[1] * by, vector[2] * by
