# SPDX-License-Identifier: Apache-2.0
"""A small model of somebody who knocks on the band with a card, as its accelerometer feels it.

Each knock is half a sine of 5 to 12 ms that gives the forearm a speed; the arm's soft tissue takes
it back as a damped oscillation of 7 to 14 Hz. A hand and card of 0.2 kg at 0.5 m/s give a forearm
of 1 to 1.5 kg some 65 to 100 mm/s, up to twice that if they rebound. The sensor sees all that
through a low-pass of 26 Hz with two poles (half its sample rate), 52 times a second, at moments
that have nothing to do with the knock, with 0.6 mg of noise. A trembling arm adds a sine.

The values are chosen, not measured: nobody has knocked on a band v1 yet.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from opaska_tools.falls.recordings import Samples

    Line = NDArray[np.float64]

RATE_HZ: Final = 52
GENTLE_MM_S: Final = 60.0
PLAIN_MM_S: Final = 100.0
FIRM_MM_S: Final = 150.0

_FINE: Final = 20  # steps to a sample
_FINE_HZ: Final = RATE_HZ * _FINE
_LOW_PASS_HZ: Final = 26.0
_NOISE_G: Final = 0.0006
_G_MM_S2: Final = 9_810.0
_ON_LAP: Final = (0.1, 0.15, 0.98)


def knocks(
    seed: int,
    speed_mm_s: float = PLAIN_MM_S,
    *,
    count: int = 2,
    gap_s: float | None = None,
    tremor_g: float = 0.0,
    tremor_hz: float = 5.0,
    lead_s: float = 2.0,
    tail_s: float = 2.0,
) -> Samples:
    """Milli-g at 52 Hz; what is not said is drawn, alike for each seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    gap_s = chance.uniform(0.18, 0.6) if gap_s is None else gap_s
    t = np.arange(int((lead_s + gap_s * (count - 1) + tail_s) * _FINE_HZ)) / _FINE_HZ
    felt = np.tile(np.array(_ON_LAP), (len(t), 1))
    wave = tremor_g * np.sin(2 * math.pi * tremor_hz * t + chance.uniform(0, 6.28))
    felt += np.outer(wave, _unit([chance.gauss(0, 1) for _ in range(3)]))
    ring_hz, damping = chance.uniform(7, 14), chance.uniform(0.2, 0.4)
    for number in range(count):
        at_s = lead_s + number * gap_s + chance.uniform(0, 1 / RATE_HZ)
        way = _unit([chance.gauss(0, 0.3), chance.gauss(0, 0.3), -1])
        speed = speed_mm_s * chance.uniform(0.8, 1.25) / _G_MM_S2  # in g s
        felt += np.outer(
            _blow(t - at_s, speed, chance.uniform(0.005, 0.012), ring_hz, damping), way
        )
    felt = np.column_stack([_low_passed(felt[:, axis]) for axis in range(3)])[::_FINE]
    felt += np.random.default_rng(seed).normal(0, _NOISE_G, felt.shape)
    return np.rint(felt * 1000).astype(np.int16)


def _blow(since: Line, speed: float, lasts_s: float, ring_hz: float, damping: float) -> Line:
    """Acceleration in g: the blow, and the arm that springs back."""
    rising = (since >= 0) & (since < lasts_s)
    blow = np.where(
        rising, speed * math.pi / (2 * lasts_s) * np.sin(math.pi * since / lasts_s), 0.0
    )
    free = 2 * math.pi * ring_hz
    damped = free * math.sqrt(1 - damping**2)
    after = np.clip(since - lasts_s, 0, None)
    speeds = np.exp(-damping * free * after) * (
        np.cos(damped * after) - damping * free / damped * np.sin(damped * after)
    )
    return blow + np.where(since >= lasts_s, speed * np.gradient(speeds, 1 / _FINE_HZ), 0.0)


def _low_passed(felt: Line) -> Line:
    """Butterworth, two poles."""
    k = math.tan(math.pi * _LOW_PASS_HZ / _FINE_HZ)
    norm = 1 / (1 + math.sqrt(2) * k + k * k)
    b = k * k * norm
    a1, a2 = 2 * (k * k - 1) * norm, (1 - math.sqrt(2) * k + k * k) * norm
    passed = np.empty_like(felt)
    x1 = x2 = y1 = y2 = felt[0]
    for i, x in enumerate(felt):
        y = b * (x + 2 * x1 + x2) - a1 * y1 - a2 * y2
        passed[i] = y
        x1, x2, y1, y2 = x, x1, y, y1
    return passed


def _unit(way: list[float]) -> Line:
    vector = np.array(way)
    return np.asarray(vector / np.linalg.norm(vector))
