# SPDX-License-Identifier: Apache-2.0
"""A recording, sample by sample through the band's detector.

Most recordings end soon after the impact. Until the detector has decided, the last sample is held
for HELD_S, with the noise of a sensor: the arm stays where the recording left it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opaska_band.senses.fall import Fall
    from opaska_tools.falls.recordings import Recording, Samples

HELD_S = 5.0
NOISE_MG = 3.0  # standard deviation per axis; the quietest seconds of the known sets have 2 to 4
REFRACTORY_S = 30.0  # alarms closer than this are one


class Sense(Protocol):
    """What the detector offers."""

    def feed(self, x_mg: int, y_mg: int, z_mg: int) -> Fall | None:
        """Take one sample."""


@dataclass(frozen=True)
class Alarm:
    """When the detector spoke, and when it says that the impact was."""

    at_s: float
    impact_s: float


def held(
    recording: Recording, samples: Samples, rate_hz: float, noise_mg: float = NOISE_MG
) -> Samples:
    """The samples, and then the last one for HELD_S; the same noise at every run."""
    count = int(HELD_S * rate_hz) + 1
    chance = np.random.default_rng(zlib.crc32(recording.name.encode()))
    noise = np.rint(chance.normal(0.0, noise_mg, (count, 3)))
    tail = np.clip(samples[-1] + noise, -32767, 32767).astype(np.int16)
    return np.concatenate([samples, tail])


def clipped(samples: Samples, clip_g: float | None) -> Samples:
    """What a sensor of this range would have shown."""
    if clip_g is None:
        return samples
    limit = int(clip_g * 1000)
    return np.clip(samples, -limit, limit)


def alarms(recording: Recording, samples: Samples, sense: Sense) -> Iterator[Alarm]:
    """Every alarm of the detector over these samples."""
    feed = sense.feed
    for index, (x, y, z) in enumerate(samples.tolist()):
        fall = feed(x, y, z)
        if fall is not None:
            yield Alarm(index / recording.rate_hz, (index - fall.ago_samples) / recording.rate_hz)


def apart(times_s: list[float]) -> int:
    """How many of these times are alarms of their own."""
    count = 0
    last_s = -REFRACTORY_S
    for time_s in sorted(times_s):
        if time_s - last_s >= REFRACTORY_S:
            count += 1
            last_s = time_s
    return count
