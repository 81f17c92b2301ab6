# SPDX-License-Identifier: Apache-2.0
"""The fall detector: how soon it decides, and what must never make it speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_band.senses import fall as fall_module
from opaska_band.senses.fall import CAREFUL, KEEN, STANDARD, Fall, FallSense
from tests.support.arm_motion import blows, fall, rest

if TYPE_CHECKING:
    from tests.support.arm_motion import Sample

RATES_HZ = (20.0, 26.0, 49.498, 52.0, 104.0)
CERTAIN = (1, 3, 4)  # seeds of made-up falls that are plain ones


def play(sense: FallSense, samples: list[Sample]) -> list[tuple[int, Fall]]:
    """Every fall with the number of the sample that brought it."""
    told = [(index, sense.feed(*sample)) for index, sample in enumerate(samples)]
    return [(index, fall) for index, fall in told if fall is not None]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("seed", CERTAIN)
def test_a_fall_is_told_within_five_seconds_of_its_impact(rate_hz: float, seed: int) -> None:
    (index, told), *more = play(FallSense(rate_hz), fall(rate_hz, seed))
    impact_s = (index - told.ago_samples) / rate_hz
    assert not more
    assert impact_s == pytest.approx(3.65, abs=0.2)
    assert told.ago_samples / rate_hz < 5
    assert told.peak_mg > 4000
    assert 50 <= told.score_percent <= 99


@pytest.mark.parametrize(
    "turned", [((0, 1), 1, -1), ((0, 2), -1, -1), ((1, 2), -1, 1)], ids=["a", "b", "other wrist"]
)
def test_a_turned_band_decides_the_same(turned: tuple[tuple[int, int], int, int]) -> None:
    (a, b), sign_a, sign_b = turned
    samples = []
    for sample in fall(52, 1):
        axes = list(sample)
        axes[a], axes[b] = sign_a * sample[b], sign_b * sample[a]
        samples.append((axes[0], axes[1], axes[2]))
    plain, other = play(FallSense(52), fall(52, 1)), play(FallSense(52), samples)
    assert [index for index, _ in plain] == [index for index, _ in other]


@pytest.mark.parametrize("gain", [0.95, 1.05])
@pytest.mark.parametrize("offset_mg", [-50, 50])
def test_a_poor_sensor_still_feels_it(gain: float, offset_mg: int) -> None:
    samples = [
        (round(x * gain) + offset_mg, round(y * gain) - offset_mg, round(z * gain) + offset_mg)
        for x, y, z in fall(52, 4)
    ]
    assert play(FallSense(52), samples)


def test_it_watches_from_the_impact_to_the_decision_and_no_longer() -> None:
    sense = FallSense(52)
    seen = []
    for index, sample in enumerate(fall(52, 1)):
        sense.feed(*sample)
        seen.append((index / 52, sense.watching))
    watched = [at_s for at_s, watching in seen if watching]
    assert 3.0 < watched[0] < 3.7, "from the arm's flight or the blow on"
    assert watched[-1] < 3.7 + 5
    assert not sense.watching


def test_no_fall_is_told_while_it_says_to_wait_and_soon_after() -> None:
    sense = FallSense(52)
    waits: list[tuple[float, int]] = []
    told: list[float] = []
    for index, sample in enumerate(fall(52, 1)):
        if sense.feed(*sample):
            told.append(index * 1000 / 52)
        waits.append((index * 1000 / 52, sense.wait_ms))
    waited = [at_ms + wait_ms for at_ms, wait_ms in waits if wait_ms]
    assert waited
    assert max(wait_ms for _, wait_ms in waits) < 4_000
    assert told
    assert all(abs(until_ms - told[0]) < 80 for until_ms in waited[-20:]), "two ticks"
    assert not any(wait_ms for at_ms, wait_ms in waits if at_ms > told[0] + 100)


def test_a_keener_profile_asks_for_less() -> None:
    lines = [FallSense(52, profile)._line for profile in (CAREFUL, STANDARD, KEEN)]
    assert lines == sorted(lines, reverse=True)
    assert len(set(lines)) == 3


@pytest.mark.parametrize(("size_g", "every_s"), [(2, 0.4), (4, 0.5), (8, 2.5), (14, 6)])
def test_a_hand_that_claps_or_hammers_is_no_fall(size_g: float, every_s: float) -> None:
    assert not play(FallSense(52, KEEN), blows(52, 60, size_g, every_s))


@pytest.mark.parametrize(
    "stuck",
    [(0, 0, 0), (1000, 0, 0), (0, 0, 2000), (1500, 1500, 0), (-16000, -16000, 16000)],
    ids=str,
)
def test_a_stuck_sensor_is_no_fall(stuck: Sample) -> None:
    sense = FallSense(52, KEEN)
    assert not play(sense, rest(52, 10) + [stuck] * 52 * 20 + rest(52, 10))
    assert not play(FallSense(52, KEEN), [stuck] * 52 * 20 + rest(52, 10)), "from the start"


def test_single_wrong_samples_are_no_fall() -> None:
    samples = rest(52, 120)
    for index in range(100, len(samples), 311):
        samples[index] = ((-1) ** index * 16000, 12000, -(index % 16000))
    assert not play(FallSense(52, KEEN), samples)


@pytest.mark.parametrize("profile", [CAREFUL, STANDARD, KEEN])
def test_beginning_anew_at_any_moment_of_daily_life_is_no_fall(profile: int) -> None:
    samples = blows(52, 12, 3, 1.3)
    for start in range(0, 3 * 52, 5):
        sense = FallSense(52, profile)
        assert not play(sense, samples[start:]), start
        sense.forget()
        assert not play(sense, samples[start:]), start


def test_after_a_gap_it_begins_anew() -> None:
    sense, fresh = FallSense(52), FallSense(52)
    play(sense, fall(52, 3)[: int(3.8 * 52)])
    assert sense.watching
    sense.forget()
    assert not sense.watching
    assert [i for i, _ in play(sense, fall(52, 1))] == [i for i, _ in play(fresh, fall(52, 1))]


def test_a_second_fall_is_felt_too() -> None:
    assert len(play(FallSense(52), fall(52, 1) + rest(52, 5) + fall(52, 4))) == 2


def test_a_fall_is_felt_after_half_an_hour_without_a_moment_of_rest() -> None:
    sense = FallSense(52)
    assert not play(sense, blows(52, 30 * 60, 3, 1.3))
    assert len(play(sense, fall(52, 1))) == 1


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_no_value_that_a_driver_can_hand_over_breaks_it(rate_hz: float) -> None:
    sense = FallSense(rate_hz)
    for extreme in (-32768, 32767, 0, 65535, -65536):
        for i in range(int(8 * rate_hz)):
            sense.feed(extreme, -extreme if i % 3 else 0, extreme if i % 7 else 1000)


def test_the_square_root_is_exact_as_far_as_it_is_used() -> None:
    for square in [
        *range(3000),
        2**30,
        3 * 32767**2,
        *(n * n + d for n in (999, 16000, 27712) for d in (-1, 0, 1)),
    ]:
        root = fall_module.root(square)
        assert root * root <= square < (root + 1) ** 2
