# SPDX-License-Identifier: Apache-2.0
"""Two knocks on the band: heard on a calm arm and on one that trembles, seldom elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from opaska_band.senses.knock import RATE_HZ, Knock
from opaska_tools.body_model import shipped
from opaska_tools.falls.recordings import read_index
from opaska_tools.knock_model import FIRM_MM_S, PLAIN_MM_S, knocks

if TYPE_CHECKING:
    from opaska_tools.falls.recordings import Recording, Samples

DATA = Path(__file__).parents[3] / "shared" / "data"
PEOPLE = 25
MOST_PER_HOUR = 6  # looks of the reader; docs/visits.md has the figures


def heard(samples: Samples) -> list[int]:
    """At which samples."""
    sense = Knock()
    return [at for at, (x, y, z) in enumerate(samples.tolist()) if sense.feed(x, y, z)]


@pytest.mark.parametrize("tremor_g", [0, 0.1, 0.2])
@pytest.mark.parametrize(("speed", "least"), [(PLAIN_MM_S, 0.85), (FIRM_MM_S, 0.9)])
def test_two_knocks_are_heard_also_on_an_arm_that_trembles(
    tremor_g: float, speed: float, least: float
) -> None:
    found = [len(heard(knocks(seed, speed, tremor_g=tremor_g))) for seed in range(PEOPLE)]
    assert sum(found) >= least * PEOPLE
    assert max(found) == 1


def test_one_knock_is_none_nor_are_many() -> None:
    for seed in range(PEOPLE):
        assert heard(knocks(seed, FIRM_MM_S, count=1)) == []
        assert heard(knocks(seed, FIRM_MM_S, count=8, gap_s=0.3)) == []


def test_it_is_decided_within_half_a_second_and_said_how_long_to_wait() -> None:
    samples = knocks(3, FIRM_MM_S, gap_s=0.4, lead_s=2)
    (at,) = heard(samples)
    assert at < (2 + 0.4 + 0.5) * RATE_HZ
    sense = Knock()
    waits = []
    for x, y, z in samples.tolist():
        sense.feed(x, y, z)
        waits.append(sense.wait_ms)
    assert waits[RATE_HZ] == waits[at] == 0
    assert 0 < max(waits) < 1_200


@pytest.mark.parametrize("name", ["walk", "night", "fall_and_lie", "stumble", "slump"])
def test_what_an_arm_does_by_itself_is_no_knock(name: str) -> None:
    assert heard(shipped(name).read()) == []


def test_a_gap_in_the_samples_begins_anew() -> None:
    sense = Knock()
    samples = knocks(3, FIRM_MM_S, gap_s=0.4, lead_s=2).tolist()
    middle = int(2.2 * RATE_HZ)
    found = [sense.feed(*row) for row in samples[:middle]]
    sense.forget()
    found += [sense.feed(*row) for row in samples[middle:]]
    assert not any(found)


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
@pytest.mark.parametrize("dataset", ["stresspredict", "wisdm"])
def test_daily_life_seldom_switches_the_reader_on(dataset: str) -> None:
    some = daily(dataset, 3 if dataset == "stresspredict" else 24)
    hours = sum(len(samples) for samples in some) / RATE_HZ / 3600
    looks = sum(len(heard(samples)) for samples in some)
    assert looks / hours < MOST_PER_HOUR


def daily(dataset: str, count: int) -> list[Samples]:
    """So many of a set's recordings of daily life, from all over it, at the band's rate."""
    found = [one for one in read_index(DATA) if one.dataset == dataset and not one.is_fall]
    return [_at_the_bands_rate(one) for one in found[:: len(found) // count][:count]]


def _at_the_bands_rate(recording: Recording) -> Samples:
    samples = recording.read()
    at = np.arange(int(len(samples) * RATE_HZ / recording.rate_hz)) * recording.rate_hz / RATE_HZ
    whole = np.arange(len(samples))
    axes = [np.interp(at, whole, samples[:, axis]) for axis in range(3)]
    sampled: Samples = np.rint(np.column_stack(axes)).astype(np.int16)
    return sampled
