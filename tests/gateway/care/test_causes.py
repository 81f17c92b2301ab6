# SPDX-License-Identifier: Apache-2.0
"""The likely cause is what the band's own reports say, and "unknown" when they say nothing."""

from __future__ import annotations

import pytest

from opaska_gateway.care.causes import HOUR_MS, Charge, Known, empty_at_ms, likely_cause
from opaska_protocol import reports

NOW_MS = 1_000 * HOUR_MS
LAST_MS = NOW_MS - HOUR_MS
HEALTHY = (Charge(LAST_MS - 20 * HOUR_MS, 90), Charge(LAST_MS, 80))
MONDAY_9, TUESDAY_9 = 9, 33


def cause(**known: object) -> str:
    everything = {"now_ms": NOW_MS, "last_word_ms": LAST_MS, "charges": HEALTHY, **known}
    return likely_cause(Known(**everything)).word  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ({}, "unknown"),
        ({"charges": ()}, "unknown"),
        ({"last_word_ms": None}, "never_heard"),
        # battery
        ({"charges": (Charge(LAST_MS, 4),)}, "flat_battery"),
        ({"charges": (Charge(LAST_MS, 9),)}, "unknown"),
        ({"charges": (Charge(LAST_MS - 4 * HOUR_MS, 18), Charge(LAST_MS, 6))}, "flat_battery"),
        ({"charges": (Charge(LAST_MS - 40 * HOUR_MS, 46), Charge(LAST_MS, 6))}, "unknown"),
        ({"hours_left": 2}, "flat_battery"),
        ({"hours_left": 40}, "unknown"),
        ({"dying": reports.LAST_WORDS}, "flat_battery"),
        ({"dying": reports.BATTERY_CRITICAL, "wear": reports.TAKEN_OFF}, "flat_battery"),
        # wear
        ({"wear": reports.TAKEN_OFF, "link_lost": True}, "taken_off"),
        ({"wear": reports.CUT}, "taken_off"),
        ({"wear": reports.WORN}, "unknown"),
        ({"wear": reports.CHARGING}, "unknown"),
        ({"wear": 4711}, "unknown"),
        # where and when
        ({"hour": MONDAY_9, "hours_before": (MONDAY_9, MONDAY_9 + 1)}, "dead_spot"),
        ({"hour": MONDAY_9, "hours_before": (MONDAY_9, TUESDAY_9)}, "unknown"),
        ({"hour": MONDAY_9, "hours_before": (MONDAY_9, TUESDAY_9, 81)}, "dead_spot"),
        ({"hour": 0, "hours_before": (167, 0)}, "dead_spot"),  # around Sunday's midnight
        ({"hour": MONDAY_9, "hours_before": (20, 44, 68)}, "unknown"),
        ({"hour": MONDAY_9, "hours_before": (MONDAY_9, MONDAY_9), "link_lost": True}, "dead_spot"),
        ({"link_lost": True}, "link_lost"),
    ],
)
def test_the_first_cause_that_fits_is_named(known: dict[str, object], word: str) -> None:
    assert cause(**known) == word


@pytest.mark.parametrize(
    "charges",
    [
        (Charge(0, 50),),
        (Charge(0, 50), Charge(20 * HOUR_MS, 50)),
        (Charge(0, 50), Charge(20 * HOUR_MS, 51)),
        (Charge(0, 50), Charge(HOUR_MS - 1, 40)),
        (Charge(0, 50), Charge(0, 40)),
    ],
)
def test_no_forecast_is_made_of_nothing(charges: tuple[Charge, ...]) -> None:
    assert empty_at_ms(charges) is None


def test_a_forecast_goes_on_as_it_went() -> None:
    assert empty_at_ms((Charge(0, 60), Charge(10 * HOUR_MS, 40))) == 30 * HOUR_MS
