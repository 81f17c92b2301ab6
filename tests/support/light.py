# SPDX-License-Identifier: Apache-2.0
"""Light as the band's driver reads it: pairs of counts, red and infrared, 25 a second."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opaska_band.senses.pulse import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable

    from hardware.simulated.optics import Source

Pair = tuple[int, int]

COUNTS_PER_NA = 7 / 0.015625  # at the driver's 7 mA and 4096 nA
TOP = 0x3FFFF


def counts(source: Source, seconds: float, noise: float = 3, seed: int = 1) -> list[Pair]:
    """What a source gives back."""
    luck = random.Random(seed)
    pairs: list[Pair] = []
    for number in range(round(seconds * RATE_HZ)):
        light = source.light(1000 * number / RATE_HZ)
        rest = light.ambient_na * 0.002 / 7
        pair = (light.red + rest, light.infrared + rest)
        red, infrared = (
            max(0, min(TOP, round(colour * COUNTS_PER_NA + luck.gauss(0, noise))))
            for colour in pair
        )
        pairs.append((red, infrared))
    return pairs


def shaken(pairs: list[Pair], shake: Callable[[float], float]) -> list[Pair]:
    """Both colours by a share that depends on the time in s, as when the band moves."""
    return [
        (
            max(0, min(TOP, round(red * (1 + shake(number / RATE_HZ))))),
            max(0, min(TOP, round(infrared * (1 + shake(number / RATE_HZ))))),
        )
        for number, (red, infrared) in enumerate(pairs)
    ]
