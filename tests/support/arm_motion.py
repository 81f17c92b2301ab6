# SPDX-License-Identifier: Apache-2.0
"""Motions of a wrist made up for tests, as samples in mg. They show that the detector hears what
it is told; how well it knows real falls only real recordings can say."""

from __future__ import annotations

import math
import random

Sample = tuple[int, int, int]
Vector = tuple[float, float, float]

STANDING: Vector = (-0.95, 0.2, 0.2)  # the arm hangs: where up is for the sensor
LYING: Vector = (0.1, 0.5, -0.85)


def fall(rate_hz: float, seed: int = 1, after_s: float = 6.0) -> list[Sample]:
    """Three seconds on foot; the arms fly up as the weight goes; three blows; then rest."""
    chance = random.Random(seed)
    flail = [chance.uniform(-1, 1) for _ in range(3)]
    blows = [(3.6, 5.5, 0.05), (3.78, 3.5, 0.06), (4.1, 2.0, 0.06)]  # s, g, half width in s
    samples = []
    for i in range(int((4.2 + after_s) * rate_hz)):
        t = i / rate_hz
        turned = min(max((t - 3.0) / 0.8, 0.0), 1.0)
        up = _between(STANDING, LYING, (1 - math.cos(math.pi * turned)) / 2)
        weight = 1.0 - 0.75 * _bump(t, 3.38, 0.25)
        step = 0.12 * math.sin(2 * math.pi * 1.8 * t) if t < 3 else 0.0
        swing = 0.9 * _bump(t, 3.2, 0.3) + 0.5 * _bump(t, 4.3, 0.5)
        blow = sum(size * _bump(t, when, width) for when, size, width in blows)
        ring = 1.0 * math.exp(-5 * (t - 3.65)) * math.sin(40 * t) if t > 3.65 else 0.0
        noise = 0.006
        samples.append(
            _sample(
                up[axis] * (weight + step)
                + flail[axis] * swing
                + (0.8 * up[axis] + 0.5 * flail[(axis + 1) % 3]) * (blow + ring)
                + chance.gauss(0, noise)
                for axis in range(3)
            )
        )
    return samples


def rest(rate_hz: float, seconds: float, seed: int = 1) -> list[Sample]:
    """An arm on a lap."""
    chance = random.Random(seed)
    return [
        _sample(up + chance.gauss(0, 0.006) for up in STANDING)
        for _ in range(int(seconds * rate_hz))
    ]


def blows(rate_hz: float, seconds: float, size_g: float, every_s: float) -> list[Sample]:
    """A hand that claps or hammers, and does not turn."""
    samples = []
    for i, (x, y, z) in enumerate(rest(rate_hz, seconds)):
        t = (i / rate_hz) % every_s
        blow = int(1000 * size_g * _bump(t, every_s / 2, 0.04))
        samples.append((x, y + blow, z + blow // 3))
    return samples


def _bump(t: float, middle: float, half: float) -> float:
    away = (t - middle) / half
    return (1 + math.cos(math.pi * away)) / 2 if abs(away) < 1 else 0.0


def _between(a: Vector, b: Vector, share: float) -> Vector:
    x, y, z = (p + (q - p) * share for p, q in zip(a, b, strict=True))
    size = math.sqrt(x * x + y * y + z * z) or 1.0
    return x / size, y / size, z / size


def _sample(axes_g: object) -> Sample:
    x, y, z = (max(-16000, min(16000, round(1000 * g))) for g in axes_g)  # type: ignore[attr-defined]
    return x, y, z
