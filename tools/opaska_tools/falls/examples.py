# SPDX-License-Identifier: Apache-2.0
"""What training sees: the impacts that the band's own gate finds, in recordings as other sensors
on other arms would have made them."""

from __future__ import annotations

import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses import fall_features, fall_model
from opaska_tools.falls.band import FallSense
from opaska_tools.falls.stream import clipped, held
from opaska_tools.falls.variations import vary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from opaska_tools.falls.recordings import Recording, Samples

AS_RECORDED = 0
CLIPPED = -1  # as recorded, but by a sensor of +-2 g: to be judged, not learned from
VARIATIONS = (1, 2, 3, 4)
LONG_S = 120.0  # recordings beyond this are varied once
IS_FALL, IS_DAILY, IS_UNSURE = 1, 0, -1
HELD_NOISE_MG = (2.0, 10.0)  # of a variation's last sample: no model shall know the end by it
NEAR_PEAK_S = 1.6  # an impact of a fall's recording this near its peak is the fall
_NEVER = -32768


@dataclass
class Examples:
    """One row per impact."""

    recording: NDArray[Any]  # number in the list of recordings
    variation: NDArray[Any]
    at_s: NDArray[Any]  # of the decision
    impact_s: NDArray[Any]
    label: NDArray[Any]
    numbers: NDArray[Any]  # of fall_features.measure
    picture: NDArray[Any]  # of fall_model.picture

    def __len__(self) -> int:
        return len(self.label)

    def where(self, chosen: NDArray[Any]) -> Examples:
        """Some of them."""
        return Examples(*(getattr(self, field.name)[chosen] for field in fields(self)))


class ListeningSense(FallSense):  # type: ignore[misc]  # the band's code has no types here
    """The band's detector, which keeps what it measured and never decides for a fall."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__(rate_hz)
        self.heard: list[tuple[list[int], bytes]] = []

    def judge(self, window: Any, peak_mg: int) -> int:
        """Keep the window's numbers and picture."""
        if not fall_features.is_stuck(window):
            fall_features.measure(window, peak_mg)
            picture = bytearray(fall_features.LENGTH * fall_model.CHANNELS)
            fall_model.picture(window, picture)
            self.heard.append((list(window.numbers), bytes(picture)))
        return _NEVER


def collect(recordings: list[Recording], seed: int, jobs: int) -> Examples:
    """The examples of all recordings, in their order and the same at every run."""
    with ProcessPoolExecutor(jobs) as pool:
        rows = [
            (number, *row)
            for number, found in enumerate(
                pool.map(partial(examples_of, seed=seed), recordings, chunksize=16)
            )
            for row in found
        ]
    recording, variation, at_s, impact_s, label, numbers, picture = zip(*rows, strict=True)
    return Examples(
        np.array(recording),
        np.array(variation),
        np.array(at_s),
        np.array(impact_s),
        np.array(label, np.int8),
        np.array(numbers, np.int16),
        np.frombuffer(b"".join(picture), np.uint8).reshape(
            len(rows), fall_features.LENGTH, fall_model.CHANNELS
        ),
    )


def examples_of(
    recording: Recording, seed: int
) -> list[tuple[int, float, float, int, list[int], bytes]]:
    """Every impact of every variation of one recording."""
    samples = recording.read()
    rate_hz = recording.rate_hz
    rows = list(_impacts(recording, held(recording, samples, rate_hz), rate_hz, 0.0, AS_RECORDED))
    if recording.count < LONG_S * rate_hz:
        at_2_g = held(recording, clipped(samples, 2.0), rate_hz)
        rows += _impacts(recording, at_2_g, rate_hz, 0.0, CLIPPED)
        variations: tuple[int, ...] = VARIATIONS
    else:
        variations = VARIATIONS[:1]
    for variation in variations:
        chance = np.random.default_rng([seed, variation, zlib.crc32(recording.name.encode())])
        varied, rate_hz, start_s = vary(recording, samples, chance)
        varied = held(recording, varied, rate_hz, noise_mg=chance.uniform(*HELD_NOISE_MG))
        rows += _impacts(recording, varied, rate_hz, start_s, variation)
    return rows


def _impacts(
    recording: Recording, samples: Samples, rate_hz: float, start_s: float, variation: int
) -> Iterator[tuple[int, float, float, int, list[int], bytes]]:
    sense = ListeningSense(rate_hz)
    ago_s = (fall_features.AFTER - 1) / fall_features.TICK_HZ
    for index, (x, y, z) in enumerate(samples.tolist()):
        sense.feed(x, y, z)
        while sense.heard:
            numbers, picture = sense.heard.pop()
            at_s = start_s + index / rate_hz
            yield (
                variation,
                at_s,
                at_s - ago_s,
                _label(recording, at_s - ago_s),
                numbers,
                picture,
            )


def _label(recording: Recording, impact_s: float) -> int:
    if not recording.is_fall:
        return IS_DAILY
    if recording.peak_s is not None and abs(impact_s - recording.peak_s) < NEAR_PEAK_S:
        return IS_FALL
    return IS_UNSURE  # getting up again, or the last steps before
