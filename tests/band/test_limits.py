# SPDX-License-Identifier: Apache-2.0
"""decisions/limits.py: two in a row, once, and again only after it was well."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opaska_band.decisions.limits import Limits
from opaska_protocol.reports import WHY_PULSE_HIGH, WHY_PULSE_LOW, WHY_SPO2_LOW

MINUTE_MS = 60_000
SETTINGS = SimpleNamespace(hr_low=50, hr_high=120, spo2_low=88)
OFF = SimpleNamespace(hr_low=0, hr_high=0, spo2_low=0)
Measured = int | tuple[int, int | None]


def rung(
    measured: list[Measured], *, every_min: float = 2, settings: SimpleNamespace = SETTINGS
) -> list[tuple[int, int]]:
    """(which measurement, why) of each ring; a pulse alone has a saturation of 97 %."""
    limits, rings = Limits(), []
    for at, one in enumerate(measured):
        bpm, spo2 = one if isinstance(one, tuple) else (one, 97)
        now_ms = round((1_000 + at * every_min) * MINUTE_MS)
        rings += [(at, why) for why in limits.look(now_ms, settings, bpm, spo2)]
    return rings


@pytest.mark.parametrize(
    ("beyond", "inside", "why"),
    [
        (49, 50, WHY_PULSE_LOW),
        (121, 120, WHY_PULSE_HIGH),
        ((70, 87), (70, 88), WHY_SPO2_LOW),
    ],
)
def test_two_in_a_row_ring_once_and_the_limit_itself_is_inside(
    beyond: Measured, inside: Measured, why: int
) -> None:
    assert rung([beyond] * 9) == [(1, why)]
    assert rung([inside] * 9) == []
    assert rung([beyond, inside] * 9) == []
    assert rung([beyond] * 9, settings=OFF) == []


@pytest.mark.parametrize(
    ("beyond", "nearly", "well", "why"),
    [
        (44, 54, 55, WHY_PULSE_LOW),
        (130, 116, 115, WHY_PULSE_HIGH),
        ((70, 80), (70, 89), (70, 90), WHY_SPO2_LOW),
    ],
)
def test_what_wavers_about_its_limit_rings_once_and_again_after_it_was_well(
    beyond: Measured, nearly: Measured, well: Measured, why: int
) -> None:
    assert rung([beyond, beyond, nearly] * 9) == [(1, why)]
    assert rung([beyond, beyond, well] * 3) == [(1, why), (4, why), (7, why)]


def test_two_are_two_within_half_an_hour_not_one_today_and_one_tomorrow() -> None:
    assert rung([140, 140], every_min=29.9) == [(1, WHY_PULSE_HIGH)]
    assert rung([140, 140, 140], every_min=30) == []


def test_a_measurement_without_a_saturation_says_nothing_of_it() -> None:
    assert rung([(70, 80), (70, None), (70, 80)]) == [(2, WHY_SPO2_LOW)]
    assert rung([(70, 80), (70, 80), (70, None), (70, 80), (70, 80)]) == [(1, WHY_SPO2_LOW)]


def test_pulse_and_saturation_ring_each_for_itself() -> None:
    assert rung([(40, 80), (40, 80)]) == [(1, WHY_PULSE_LOW), (1, WHY_SPO2_LOW)]
    assert rung([(40, 97), (40, 80), (140, 80), (140, 97)]) == [
        (1, WHY_PULSE_LOW),
        (2, WHY_SPO2_LOW),
        (3, WHY_PULSE_HIGH),
    ]


def test_limits_that_are_taken_back_are_forgotten() -> None:
    limits = Limits()
    for settings, rings in ((SETTINGS, []), (SETTINGS, [2]), (OFF, []), (SETTINGS, [])):
        assert limits.look(5, settings, 140, 97) == rings
    assert limits.look(5, SETTINGS, 140, 97) == [WHY_PULSE_HIGH]


def test_another_is_sought_for_ten_minutes_after_the_first_and_not_after_it_has_rung() -> None:
    limits = Limits()
    assert not limits.is_sought(0)
    limits.look(0, SETTINGS, 140, 97)
    assert limits.is_beyond
    assert [limits.is_sought(minute * MINUTE_MS) for minute in (0, 9, 10, 60)] == [
        *(True, True, False, False)
    ]
    limits.look(MINUTE_MS, SETTINGS, 140, 97)
    assert limits.is_beyond
    assert not limits.is_sought(MINUTE_MS)
    limits.look(2 * MINUTE_MS, SETTINGS, 70, 97)
    assert not limits.is_beyond
