# SPDX-License-Identifier: Apache-2.0
"""decisions/battery.py and senses/drain.py: each level is said once in a discharge, and no single
opinion about the drain can be wrong with consequences."""

from __future__ import annotations

import random

import pytest

from opaska_band.decisions import battery
from opaska_band.decisions.battery import CHARGING, FILLED, FULL, GAINED, ON_CHARGER
from opaska_band.senses.drain import Drain

HOUR_MS = 3_600_000
STATES = range(FULL + 1)
LOOKS = range(FILLED + 1)


def test_each_level_is_said_once_until_the_charger_has_helped() -> None:
    luck = random.Random(17)
    for _ in range(500):
        state, said = 0, [0]
        for _ in range(60):
            looks = luck.choice(LOOKS)
            state, is_said = battery.step(state, looks)
            if looks in (GAINED, FILLED):
                said = [0]
            if is_said:
                said.append(state)
            assert said == sorted(set(said)), "downwards, and nothing twice"


@pytest.mark.parametrize("looks", [ON_CHARGER, GAINED, FILLED])
@pytest.mark.parametrize("state", STATES)
def test_nothing_is_said_on_the_charger(state: int, looks: int) -> None:
    assert battery.step(state, looks)[1] is False


@pytest.mark.parametrize("state", STATES)
def test_the_last_words_are_said_from_everywhere_but_after_the_last_words(state: int) -> None:
    assert battery.step(state, 3) == (3, state != 3)


@pytest.mark.parametrize(("state", "looks"), [(-1, 0), (6, 0), (0, -1), (0, 7)])
def test_what_is_no_state_and_no_look_is_refused(state: int, looks: int) -> None:
    with pytest.raises(battery.NoTransitionError):
        battery.step(state, looks)


def test_gaining_ten_percent_ends_a_discharge_and_nine_do_not() -> None:
    assert battery.step(2, battery.charged(13, said_percent=4)) == (2, False)
    assert battery.step(2, battery.charged(14, said_percent=4)) == (CHARGING, False)
    assert battery.step(2, battery.charged(99, said_percent=95)) == (FULL, False)


@pytest.mark.parametrize(
    ("percent", "millivolts", "hours_left", "level"),
    [
        (90, 3950, None, 0),
        (90, 3950, 36, 1),
        (21, 3600, 200, 0),
        (20, 3600, 200, 1),
        (20, 3600, None, 1),
        (50, 3700, 4, 2),
        (6, 3500, 200, 2),
        (1, 3500, 200, 3),
        (80, 3400, 200, 3),
        (80, 3551, None, 0),  # percent that are stuck:
        (80, 3550, None, 1),
        (80, 3480, 200, 2),
    ],
)
def test_percent_voltage_and_forecast_can_each_say_how_low(
    percent: int, millivolts: int, hours_left: int | None, level: int
) -> None:
    assert battery.level(percent, millivolts, hours_left) == level


def test_an_hour_alone_is_no_forecast() -> None:
    drain = Drain()
    drain.feed(0, 90 * 256, 154)
    drain.feed(HOUR_MS, 89 * 256, 154)
    assert drain.hours_left(89 * 256) is None
    drain.feed(2 * HOUR_MS, 88 * 256, 154)
    assert drain.hours_left(88 * 256) is not None


def test_a_forecast_survives_any_numbers() -> None:
    luck = random.Random(48)
    for _ in range(300):
        drain, now_ms = Drain(), 0
        for _ in range(40):
            now_ms += luck.choice((1, 300_000, HOUR_MS, 40 * HOUR_MS))
            charge = luck.choice((0, 1, luck.randrange(110 * 256), 0xFFFF))
            drain.feed(now_ms, charge, luck.choice((0, -1, 154, 0x7FFF * 53, -0x8000 * 53)))
            hours = drain.hours_left(charge)
            assert hours is None or 0 <= hours <= 999
