# SPDX-License-Identifier: Apache-2.0
"""The same movement under another sensor: its rate, range, gain, offset, noise, and its place
on the arm. In some sets falls and daily life were recorded at different rates, and some sensors
cut off at 2 g; without this a model would learn the sensor in place of the fall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from opaska_tools.falls.recordings import Recording, Samples

_SLOWEST_HZ = 19.5
_FASTEST_HZ = 54.0
_RANGES_MG = (2000, 4000, 8000, 16000)
_RANGE_SHARES = (0.3, 0.25, 0.2, 0.25)
_GAIN = 0.05
_OFFSET_MG = 50.0
_NOISE_MG = 12.0


def vary(
    recording: Recording, samples: Samples, chance: Generator
) -> tuple[Samples, float, float]:
    """Samples of another sensor, their rate, and where in the recording they start, in s."""
    motion = samples.astype(np.float64) @ _any_rotation(chance)
    rate_hz = recording.rate_hz
    if chance.random() < 0.75:
        motion, rate_hz = _other_rate(motion, rate_hz, chance)
    motion, start_s = _shorter(recording, motion, rate_hz, chance)
    if not recording.is_fall and chance.random() < 0.2:
        _glitch(motion, chance)
    motion = motion * chance.uniform(1 - _GAIN, 1 + _GAIN)
    motion += chance.uniform(-_OFFSET_MG, _OFFSET_MG, 3)
    motion += chance.standard_normal(motion.shape) * chance.uniform(0, _NOISE_MG)
    limit_mg = chance.choice(_RANGES_MG, p=_RANGE_SHARES)
    return np.rint(np.clip(motion, -limit_mg, limit_mg)).astype(np.int16), rate_hz, start_s


def _any_rotation(chance: Generator) -> NDArray[Any]:
    return np.linalg.qr(chance.standard_normal((3, 3)))[0]


def _other_rate(
    motion: NDArray[Any], rate_hz: float, chance: Generator
) -> tuple[NDArray[Any], float]:
    """Sampled anew, sometimes behind a filter as some sensors have it."""
    count = len(motion)
    new_hz = (
        chance.uniform(_SLOWEST_HZ, min(rate_hz, _FASTEST_HZ))
        if rate_hz > _SLOWEST_HZ * 1.1
        else rate_hz * chance.uniform(0.97, 1.03)
    )
    times_s = np.arange(chance.uniform(0, 1 / new_hz), (count - 1) / rate_hz, 1 / new_hz)
    width = round(rate_hz / new_hz)
    if width > 1 and chance.random() < 0.4:
        box = np.ones(width) / width
        motion = np.stack([np.convolve(axis, box, "same") for axis in motion.T], 1)
    places = times_s * rate_hz
    sampled = np.empty((len(places), 3))
    for axis in range(3):
        sampled[:, axis] = np.interp(places, np.arange(count), motion[:, axis])
    return sampled, float(new_hz)


def _shorter(
    recording: Recording, motion: NDArray[Any], rate_hz: float, chance: Generator
) -> tuple[NDArray[Any], float]:
    """Begun shortly before the strongest moment, or ended soon after it: a band that restarts."""
    if recording.peak_s is None or len(motion) > 120 * rate_hz:
        return motion, 0.0
    start_s = 0.0
    if chance.random() < 0.25 and recording.peak_s > 0.6:
        start_s = chance.uniform(0.0, recording.peak_s - 0.4)
        motion = motion[int(start_s * rate_hz) :]
    if chance.random() < 0.15:
        end = int((recording.peak_s - start_s + chance.uniform(0.5, 4.0)) * rate_hz)
        motion = motion[: max(end, 5)]
    return motion, start_s


def _glitch(motion: NDArray[Any], chance: Generator) -> None:
    """Single wrong samples."""
    for place in chance.integers(0, len(motion), chance.integers(1, 4)):
        spike = chance.standard_normal(3)
        motion[place] += spike / np.linalg.norm(spike) * chance.uniform(1500, 16000)
