# SPDX-License-Identifier: Apache-2.0
"""Light with a known pulse gives its numbers; light without one never gives any."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.optics import AIR, TABLE, Pulse, Surface
from opaska_band.senses.pulse import (
    CALIBRATED_FROM,
    CALIBRATED_STEP,
    CALIBRATION,
    GOOD_PERCENT,
    LONGEST_S,
    RATE_HZ,
    PulseSense,
    saturation_percent,
)
from tests.support.light import TOP, Pair, counts, shaken

if TYPE_CHECKING:
    from collections.abc import Callable


def fed(pairs: list[Pair]) -> PulseSense:
    """A sense after all of them."""
    sense = PulseSense()
    for pair in pairs:
        sense.feed(*pair)
    return sense


def numbers(pairs: list[Pair]) -> set[int]:
    """Every heart rate and saturation that was ever told on the way."""
    sense = PulseSense()
    told: set[int] = set()
    for pair in pairs:
        sense.feed(*pair)
        told |= {n for n in (sense.heart_rate_bpm, sense.spo2_percent) if n is not None}
    return told


@pytest.mark.parametrize("bpm", [36, 45, 52, 60, 71, 84, 100, 121, 150, 180])
@pytest.mark.parametrize("swing", [0, 6])
def test_the_rate_of_a_known_heart_is_told_to_two_beats(bpm: int, swing: int) -> None:
    sense = fed(counts(Pulse(heart_rate_bpm=bpm, rate_swing_percent=swing), 60))
    assert sense.heart_rate_bpm == pytest.approx(bpm, abs=2)
    assert sense.contact


@pytest.mark.parametrize("perfusion", [0.15, 0.5, 2, 8])
def test_weak_and_strong_pulses_are_told(perfusion: float) -> None:
    sense = fed(counts(Pulse(heart_rate_bpm=66, perfusion_percent=perfusion), 60, noise=8))
    assert sense.heart_rate_bpm == pytest.approx(66, abs=2)


def test_saturation_falls_as_it_does_in_the_blood_and_is_near_it_where_it_is_normal() -> None:
    blood = (97, 94, 91, 88, 85)
    told = [fed(counts(Pulse(spo2_percent=percent), 60)).spo2_percent or 0 for percent in blood]
    assert all(a > b for a, b in pairwise(told))
    assert told[:3] == pytest.approx(blood[:3], abs=2)
    assert told[3:] == pytest.approx(blood[3:], abs=6), "two textbooks, two curves"


def test_the_table_falls_and_has_no_number_beyond_its_end() -> None:
    assert all(a > b for a, b in pairwise(CALIBRATION))
    assert saturation_percent(0) == saturation_percent(400) == 100
    assert saturation_percent(650) == 96
    end = CALIBRATED_FROM + CALIBRATED_STEP * (len(CALIBRATION) - 1)
    assert saturation_percent(end - 1) == 67
    assert saturation_percent(end) is None


def test_a_clear_pulse_is_told_within_half_a_minute_and_evidence_grows() -> None:
    sense = PulseSense()
    qualities = []
    for pair in counts(Pulse(), LONGEST_S):
        sense.feed(*pair)
        qualities.append(sense.best[0])
    good = [quality >= GOOD_PERCENT for quality in qualities].index(True)
    assert 20 < good / RATE_HZ < 45
    assert qualities == sorted(qualities)
    assert sense.best[1] == pytest.approx(68, abs=1)


def test_a_measurement_keeps_its_best_opinion_when_the_arm_moves_later() -> None:
    luck = random.Random(1)
    pulse = counts(Pulse(heart_rate_bpm=75, rate_swing_percent=10), LONGEST_S)
    moved = shaken(pulse, lambda at_s: luck.gauss(0, 0.05) if at_s > 40 else 0)
    sense = fed(moved)
    quality, bpm, _ = sense.best
    assert quality > sense.quality_percent
    assert bpm == pytest.approx(75, abs=3)
    sense.begin()
    assert sense.best == (0, None, None)


NOTHING: dict[str, Callable[[], list[Pair]]] = {
    "air": lambda: counts(AIR, 300),
    "a white table": lambda: counts(TABLE, 300),
    "a table in flickering light": lambda: counts(
        Pulse(perfusion_percent=0, ambient_na=20_000), 300
    ),
    "darkness": lambda: [(0, 0)] * 3000,
    "blinded": lambda: [(TOP, TOP)] * 3000,
    "one value": lambda: [(100_000, 120_000)] * 3000,
    "one colour is missing": lambda: [(0, i) for _, i in counts(Pulse(), 120)],
    "noise": lambda: counts(Surface(185, 225), 600, noise=400),
    "strong noise": lambda: counts(Surface(185, 225), 600, noise=20_000),
    "slow drift": lambda: shaken(
        counts(Surface(185, 225), 300), lambda t: 0.2 * math.sin(t / 9) + 0.1 * math.sin(t / 31)
    ),
    "the lamp goes on and off": lambda: shaken(
        counts(Surface(185, 225), 300), lambda t: 0.3 * (math.floor(t / 3.7 + (t % 13) / 5) % 2)
    ),
    "deep breathing": lambda: shaken(
        counts(Surface(185, 225), 300), lambda t: 0.02 * math.sin(2 * math.pi * 0.25 * t)
    ),
    "colours that have nothing in common": lambda: [
        (a, b)
        for (a, _), (_, b) in zip(
            counts(Surface(185, 225), 300, 300, 1),
            counts(Pulse(heart_rate_bpm=70), 300),
            strict=True,
        )
    ],
}


@pytest.mark.parametrize("what", NOTHING)
def test_what_is_no_pulse_never_gives_a_number(what: str) -> None:
    assert numbers(NOTHING[what]()) == set()


@pytest.mark.parametrize("seed", range(6))
def test_an_arm_that_moves_anyhow_gives_no_number(seed: int) -> None:
    luck = random.Random(seed)
    level = [0.0]

    def shake(_at_s: float) -> float:
        level[0] = 0.8 * level[0] + luck.gauss(0, 0.03)
        return level[0]

    assert numbers(shaken(counts(Pulse(), 600), shake)) == set()


@pytest.mark.parametrize("step_hz", [0.8, 1.0, 1.4, 1.9, 2.6])
def test_a_rhythm_of_the_arm_is_no_pulse_when_the_accelerometer_says_so(step_hz: float) -> None:
    pairs = shaken(counts(Pulse(), 300), lambda t: 0.02 * math.sin(2 * math.pi * step_hz * t) ** 3)
    sense = PulseSense()
    for number, pair in enumerate(pairs):
        if number % RATE_HZ == 0:
            sense.disturb()
        sense.feed(*pair)
        assert sense.heart_rate_bpm is None
    assert sense.segments == 0


def test_what_was_measured_before_the_arm_moved_stays_and_goes_on_after_it() -> None:
    sense = fed(counts(Pulse(heart_rate_bpm=58), 30))
    before = sense.segments
    assert sense.heart_rate_bpm == pytest.approx(58, abs=1)
    for number, pair in enumerate(counts(Pulse(heart_rate_bpm=58), 20)):
        if number < 5 * RATE_HZ:
            sense.disturb()
        sense.feed(*pair)
    assert before < sense.segments <= before + 5
    assert sense.heart_rate_bpm == pytest.approx(58, abs=1)


def test_when_the_band_leaves_the_skin_its_numbers_go_at_once_and_it_is_told() -> None:
    sense = fed(counts(Pulse(), 60))
    assert sense.contact
    assert sense.heart_rate_bpm is not None
    told = [sense.feed(*pair) for pair in counts(AIR, 1)]
    assert told == [True] + [False] * (len(told) - 1)
    assert not sense.contact
    assert (sense.heart_rate_bpm, sense.spo2_percent, sense.quality_percent) == (None, None, 0)


def test_a_heart_that_changes_is_followed() -> None:
    sense = fed(counts(Pulse(heart_rate_bpm=60), 60) + counts(Pulse(heart_rate_bpm=110), 240))
    assert sense.heart_rate_bpm == pytest.approx(110, abs=2)


@pytest.mark.fuzz
def test_anything_at_all_may_be_fed(effort: int) -> None:
    luck = random.Random(4)
    for _ in range(20 * effort):
        sense = PulseSense()
        least, most = sorted((luck.randrange(TOP + 1), luck.randrange(TOP + 1)))
        hold = luck.choice((1, 1, 7, 60))
        pair = (0, 0)
        for number in range(1500):
            if number % hold == 0:
                pair = (luck.randint(least, most), luck.randint(least, most))
            sense.feed(*pair)
            if luck.random() < 0.001:
                luck.choice((sense.disturb, sense.forget))()
            assert 0 <= sense.quality_percent <= 100
            assert sense.heart_rate_bpm is None or 30 <= sense.heart_rate_bpm <= 200
            assert sense.spo2_percent is None or 60 <= sense.spo2_percent <= 100
