# SPDX-License-Identifier: Apache-2.0
"""senses/stillness.py: still, moving or walking, from made-up motions and from recordings."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from opaska_band.senses.stillness import MOVING, STILL, STILL_MG, WALKING, Stillness
from opaska_tools.body_model import shipped
from opaska_tools.falls.recordings import read_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opaska_tools.falls.recordings import Recording

RATE_HZ = 52
RECORDINGS = Path(__file__).parents[3] / "shared" / "data"
WALK_ON_S = 5  # of walking in a row are a reason to believe that all is well


def seconds(samples: Iterable[tuple[int, int, int]]) -> list[tuple[str, int, int]]:
    """Activity, still_s and walking_s after each second."""
    sense = Stillness(RATE_HZ)
    told = []
    for count, sample in enumerate(samples, 1):
        sense.feed(*sample)
        if count % RATE_HZ == 0:
            told.append((sense.activity, sense.still_s, sense.walking_s))
    return told


def at_rest(count_s: int, noise_mg: float = 5) -> list[tuple[int, int, int]]:
    chance = random.Random(3)
    noise = [
        [round(chance.gauss(0, noise_mg)) for _ in range(3)] for _ in range(count_s * RATE_HZ)
    ]
    return [(x - 970, y + 100, z + 200) for x, y, z in noise]


def resampled(recording: Recording) -> list[tuple[int, int, int]]:
    samples = recording.read().astype(float)
    count = int(len(samples) * RATE_HZ / recording.rate_hz)
    at = np.arange(count) * recording.rate_hz / RATE_HZ
    axes = [np.interp(at, np.arange(len(samples)), samples[:, axis]) for axis in range(3)]
    return [(x, y, z) for x, y, z in np.rint(np.stack(axes, 1)).astype(int).tolist()]


def of(dataset: str, activity: str | None, most: int) -> list[Recording]:
    """Some recordings of an activity; without one, of falls."""
    if not (RECORDINGS / "index.csv").exists():
        pytest.skip("the recordings are not here: ../shared/data")
    found = [
        recording
        for recording in read_index(RECORDINGS)
        if recording.dataset == dataset
        and (recording.is_fall if activity is None else recording.activity == activity)
    ]
    return found[:: max(len(found) // most, 1)]


def test_rest_is_counted_in_whole_seconds() -> None:
    told = seconds(at_rest(60))
    assert told[-1] == (STILL, 60, 0)


def test_one_gesture_ends_the_stillness() -> None:
    moved = at_rest(30)
    moved[15 * RATE_HZ + 3] = (-970 + STILL_MG + 20, 100, 200)
    told = seconds(moved)
    assert told[14] == (STILL, 15, 0)
    assert told[15] == (MOVING, 0, 0)
    assert told[-1] == (STILL, 14, 0)


def test_after_a_gap_nothing_is_known() -> None:
    sense = Stillness(RATE_HZ)
    for sample in at_rest(40):
        sense.feed(*sample)
    sense.restart()
    assert (sense.activity, sense.still_s, sense.walking_s) == (MOVING, 0, 0)
    for sample in at_rest(2):
        sense.feed(*sample)
    assert sense.still_s == 2


@pytest.mark.parametrize("name", ["walk", "fall_and_walk_on"])
def test_walking_on_is_seen_within_seconds(name: str) -> None:
    told = seconds((x, y, z) for x, y, z in shipped(name).read().tolist())
    assert max(walking_s for *_, walking_s in told[-20:]) >= WALK_ON_S


@pytest.mark.parametrize("name", ["fall_and_lie", "slump"])
def test_lying_still_after_a_fall_is_seen(name: str) -> None:
    told = seconds((x, y, z) for x, y, z in shipped(name).read().tolist())
    assert told[-1][0] == STILL
    assert told[-1][1] >= 40


@pytest.mark.parametrize("name", ["clap", "hit_table", "slump", "lie_down", "sit_down_hard"])
def test_no_other_story_looks_like_walking(name: str) -> None:
    told = seconds((x, y, z) for x, y, z in shipped(name).read().tolist())
    assert max(walking_s for *_, walking_s in told) < WALK_ON_S


@pytest.mark.parametrize("size_mg", [100, 300, 600])
@pytest.mark.parametrize("tremor_hz", [3.5, 4, 4.5, 5, 5.2, 5.5, 6, 7, 8, 9])
def test_an_arm_that_trembles_is_not_walking(tremor_hz: float, size_mg: int) -> None:
    swings = [
        round(size_mg * math.sin(2 * math.pi * tremor_hz * i / RATE_HZ))
        for i in range(30 * RATE_HZ)
    ]
    arm = zip(at_rest(30), swings, strict=True)
    told = seconds((x + swing, y + swing // 3, z) for (x, y, z), swing in arm)
    assert max(walking_s for *_, walking_s in told) == 0


def test_the_greatest_values_of_the_chip_do_no_harm() -> None:
    loud = [(16_000, -16_000, 16_000), (-16_000, 16_000, -16_000)] * 5 * RATE_HZ
    assert seconds(loud)[-1] == (MOVING, 0, 0)


def test_no_recorded_fall_is_taken_for_walking_on() -> None:
    fallen = of("weda", None, 40) + of("umafall", None, 40)
    assert len(fallen) >= 80
    wrong = []
    for recording in fallen:
        told = seconds(resampled(recording))
        after = round(recording.peak_s or 0) + 4  # the four seconds before may be a walk
        if any(walking_s >= WALK_ON_S for *_, walking_s in told[after:]):
            wrong.append(recording.name)
    assert len(wrong) <= len(fallen) // 40, wrong


def test_most_recorded_walks_are_seen() -> None:
    told = [seconds(resampled(recording)) for recording in of("wisdm", "walking", 6)]
    assert len(told) >= 4
    seen = [max(walking_s for *_, walking_s in walk) >= WALK_ON_S for walk in told]
    assert sum(seen) >= 0.8 * len(seen)
    shares = [sum(second[0] == WALKING for second in walk) / len(walk) for walk in told]
    assert sum(shares) / len(shares) > 0.4, shares
