# SPDX-License-Identifier: Apache-2.0
"""A small model of a wrist, and the recordings made with it: `python -m opaska_tools.body_model`.

At rest an accelerometer shows 1 g upwards, in its own axes: the posture. Everything else is added:
steps, swings, the lost weight of a drop, the pulse and ringing of an impact (half a sine, then a
damped oscillation of soft tissue, 6 to 15 Hz). The values are chosen after what the literature on
wrist-worn sensors gives for such movements; they are not measurements, and no figure about how
well falls are recognised may be drawn from them. They show that the way from the chip to the
centre works.
"""

from __future__ import annotations

import math
import random
import zlib
from typing import TYPE_CHECKING

import numpy as np

from opaska_tools.falls.export import Exported, export
from opaska_tools.falls.recordings import read_index
from opaska_tools.knock_model import FIRM_MM_S, knocks
from opaska_tools.simulator.places import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.falls.recordings import Recording

RATE_HZ = 52
DATASET = "synthetic"
SUBJECT = "model"
_LIMIT_MG = 16_000

Vector = tuple[float, float, float]

# Postures: where "up" is for a sensor on the back of the left wrist, X along the arm to the hand.
HANGING: Vector = (-0.97, 0.1, 0.2)
ON_LAP: Vector = (0.1, 0.15, 0.98)
PRONE: Vector = (0.2, -0.35, -0.91)
SUPINE: Vector = (0.05, 0.5, 0.86)
ON_SIDE: Vector = (0.1, 0.98, -0.15)


class Wrist:
    """Builds a recording piece by piece; every piece begins where the last one ended."""

    def __init__(self, name: str, posture: Vector) -> None:
        self.samples: list[list[float]] = []  # g
        self._posture = _unit(posture)
        self._random = random.Random(zlib.crc32(name.encode()))  # noqa: S311 - repeatable

    def stay(self, seconds: float, breath_g: float = 0.004) -> None:
        """Still, but for breathing."""
        for i in range(round(seconds * RATE_HZ)):
            wave = breath_g * math.sin(2 * math.pi * 0.25 * i / RATE_HZ)
            self._add(self._posture, (wave, wave / 2, -wave))

    def turn(self, to: Vector, seconds: float, least_g: float = 1.0) -> None:
        """Into another posture; with `least_g` below 1 the body loses weight as it drops."""
        begin, end = self._posture, _unit(to)
        count = max(round(seconds * RATE_HZ), 1)
        for i in range(1, count + 1):
            share = (1 - math.cos(math.pi * i / count)) / 2
            self._posture = _unit(_mix(begin, end, share))
            weight = 1 - (1 - least_g) * math.sin(math.pi * min(i / count, 0.9)) ** 2
            self._add(_scaled(self._posture, weight))

    def walk(self, seconds: float, steps_hz: float = 1.8, push_g: float = 0.22) -> None:
        """Steps shake, and the arm swings once in two of them; no two are quite alike."""
        phase, pace, strength = 0.0, steps_hz, push_g
        for _ in range(round(seconds * RATE_HZ)):
            before = phase
            phase += pace / RATE_HZ
            if int(phase) > int(before):
                pace = steps_hz * self._random.gauss(1, 0.02)
                strength = push_g * self._random.gauss(1, 0.1)
            wave = math.cos(2 * math.pi * phase) + 0.4 * math.cos(4 * math.pi * phase + 0.6)
            swing = 0.3 * math.sin(math.pi * phase)
            x, y, z = self._posture
            swung = _unit((x, y + swing, z - swing / 2))
            self._add(_scaled(swung, 1 + strength * wave))

    def gesture(self, seconds: float, strength_g: float) -> None:
        """An arm that does something: three slow swings on each axis, growing and fading."""
        waves = [
            [(self._random.uniform(0.4, 3), self._random.uniform(0, 6.28)) for _ in range(3)]
            for _ in range(3)
        ]
        count = round(seconds * RATE_HZ)
        for i in range(count):
            strength = strength_g / 3 * math.sin(math.pi * i / count)
            x, y, z = (
                strength * sum(math.sin(6.28 * hz * i / RATE_HZ + at) for hz, at in axis)
                for axis in waves
            )
            self._add(self._posture, (x, y, z))

    def impact(self, peak_g: float, pulse_ms: float = 70, ring_hz: float = 10) -> None:
        """A blow against the posture's up, and half a second of ringing after it."""
        x, y, z = self._posture
        side = _unit((x + self._random.gauss(0, 0.3), y + self._random.gauss(0, 0.3), z))
        pulse_s = pulse_ms / 1000
        for i in range(RATE_HZ // 2):
            t = (i + 0.5) / RATE_HZ
            if t < pulse_s:
                blow = (peak_g - 1) * math.sin(math.pi * t / pulse_s)
            else:
                since = t - pulse_s
                blow = -0.35 * peak_g * math.exp(-since * 9) * math.sin(6.28 * ring_hz * since)
            self._add(self._posture, _scaled(side, blow))

    def fall(self, to: Vector, peak_g: float, seconds: float = 0.9, blow_ms: float = 55) -> None:
        """The arm flies up while the body drops and turns; it strikes three times, and settles."""
        begin, end = self._posture, _unit(to)
        flight = self._direction()
        blows = [
            (seconds + later_s, share * peak_g, _unit(_mix(end, self._direction(), 0.45)))
            for later_s, share in ((0, 1), (0.19, 0.6), (0.52, 0.35))
        ]
        for i in range(round((seconds + 2) * RATE_HZ)):
            t = i / RATE_HZ
            turned = (1 - math.cos(math.pi * min(t / seconds, 1))) / 2
            self._posture = _unit(_mix(begin, end, turned))
            parts = [
                _scaled(self._posture, -0.7 * _bump(t, 0.65 * seconds, 0.3)),
                _scaled(
                    flight, 0.9 * _bump(t, 0.4 * seconds, 0.3) + 0.4 * _bump(t, seconds + 1, 0.6)
                ),
                *(_scaled(way, size * _bump(t, at, blow_ms / 1000)) for at, size, way in blows),
                *(_scaled(way, size * _ringing(t - at)) for at, size, way in blows),
            ]
            x, y, z = (sum(axis) for axis in zip(*parts, strict=True))
            self._add(self._posture, (x, y, z))

    def recording(self, name: str, activity: str, is_fall: bool) -> Exported:
        """What has been built."""
        mg = np.clip(np.rint(np.array(self.samples) * 1000), -_LIMIT_MG, _LIMIT_MG)
        samples = mg.astype(np.int16)
        return Exported(DATASET, SUBJECT, name, name, activity, is_fall, RATE_HZ, samples)

    def _direction(self) -> Vector:
        x, y, z = (self._random.gauss(0, 1) for _ in range(3))
        return _unit((x, y, z))

    def _add(self, rest: Vector, extra: Vector = (0.0, 0.0, 0.0)) -> None:
        self.samples.append([a + b for a, b in zip(rest, extra, strict=True)])


def _fall_and_lie(wrist: Wrist) -> None:
    wrist.walk(15)
    wrist.fall(PRONE, 7)
    wrist.stay(45)


def _fall_and_walk_on(wrist: Wrist) -> None:
    wrist.walk(15)
    wrist.fall(SUPINE, 5)
    wrist.stay(5)
    wrist.gesture(5, 0.6)
    wrist.turn(HANGING, 1.5)
    wrist.walk(45)


def _slump(wrist: Wrist) -> None:
    wrist.stay(8)
    wrist.gesture(4, 0.2)
    wrist.stay(3)
    wrist.fall(ON_SIDE, 1.2, seconds=1.4, blow_ms=90)
    wrist.stay(45)


def _stumble(wrist: Wrist) -> None:
    wrist.walk(15)
    wrist.gesture(0.5, 1.5)
    wrist.impact(2.1, pulse_ms=90)
    wrist.walk(25)


def _walk(wrist: Wrist) -> None:
    wrist.walk(60)


def _sit_down_hard(wrist: Wrist) -> None:
    wrist.stay(10)
    wrist.turn(ON_LAP, 0.5, least_g=0.65)
    wrist.impact(2.5, pulse_ms=60)
    wrist.gesture(3, 0.2)
    wrist.stay(25)


def _lie_down(wrist: Wrist) -> None:
    wrist.stay(10)
    wrist.turn(SUPINE, 2.5, least_g=0.9)
    wrist.impact(1.5, pulse_ms=120, ring_hz=8)
    wrist.gesture(4, 0.3)
    wrist.stay(30)


def _clap(wrist: Wrist) -> None:
    wrist.stay(10)
    for _ in range(25):
        wrist.impact(3.2, pulse_ms=40, ring_hz=15)
    wrist.stay(15)


def _hit_table(wrist: Wrist) -> None:
    wrist.stay(10)
    for _ in range(4):
        wrist.gesture(0.8, 0.8)
        wrist.impact(5, pulse_ms=35, ring_hz=15)
    wrist.stay(20)


def _knock(wrist: Wrist) -> None:
    wrist.stay(4)
    felt = knocks(1, FIRM_MM_S, gap_s=0.4, lead_s=0.5, tail_s=1)
    wrist.samples += (felt / 1000).tolist()
    wrist.stay(20)


def _night(wrist: Wrist) -> None:
    for posture in (ON_SIDE, SUPINE, PRONE, ON_SIDE, SUPINE):
        wrist.turn(posture, 2)
        wrist.gesture(3, 0.3)
        wrist.stay(120)


# name: (what, whether a fall, first posture, story)
STORIES: dict[str, tuple[str, bool, Vector, Callable[[Wrist], None]]] = {
    "fall_and_lie": ("falls forward while walking, lies still", True, HANGING, _fall_and_lie),
    "fall_and_walk_on": ("falls, gets up, walks on", True, HANGING, _fall_and_walk_on),
    "slump": ("slides softly from a chair, lies still", True, ON_LAP, _slump),
    "stumble": ("stumbles while walking, walks on", False, HANGING, _stumble),
    "walk": ("walks", False, HANGING, _walk),
    "sit_down_hard": ("sits down hard", False, HANGING, _sit_down_hard),
    "lie_down": ("lies down on a bed", False, ON_LAP, _lie_down),
    "clap": ("claps", False, ON_LAP, _clap),
    "hit_table": ("hits a table with the hand", False, ON_LAP, _hit_table),
    "knock": ("is knocked on twice, on the band", False, ON_LAP, _knock),
    "night": ("sleeps, and turns over now and then", False, SUPINE, _night),
}


def make(name: str) -> Exported:
    """One of STORIES, always the same."""
    activity, is_fall, posture, story = STORIES[name]
    wrist = Wrist(name, posture)
    story(wrist)
    return wrist.recording(name, activity, is_fall)


def shipped(name: str) -> Recording:
    """One of STORIES as it lies in the source tree."""
    return next(recording for recording in read_index(SHIPPED) if recording.rec == name)


def _bump(t: float, middle: float, half: float) -> float:
    away = (t - middle) / half
    return (1 + math.cos(math.pi * away)) / 2 if abs(away) < 1 else 0.0


def _ringing(since_s: float) -> float:
    return 0.2 * math.exp(-6 * since_s) * math.sin(40 * since_s) if since_s > 0 else 0.0


def _unit(vector: Vector) -> Vector:
    return _scaled(vector, 1 / math.sqrt(sum(axis * axis for axis in vector)))


def _scaled(vector: Vector, by: float) -> Vector:
    return vector[0] * by, vector[1] * by, vector[2] * by


def _mix(one: Vector, other: Vector, share: float) -> Vector:
    x, y, z = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return x, y, z


if __name__ == "__main__":
    export(SHIPPED, [make(name) for name in STORIES])
