# SPDX-License-Identifier: Apache-2.0
"""The likely cause is what the band's own reports say, and "unknown" when they say nothing."""

from __future__ import annotations

import pytest

from opaska_gateway.care.causes import (
    HOUR_MS,
    Before,
    Charge,
    Known,
    empty_at_ms,
    likely_cause,
)
from opaska_protocol import reports

NOW_MS = 1_000 * HOUR_MS
LAST_MS = NOW_MS - HOUR_MS
HEALTHY = (Charge(LAST_MS - 20 * HOUR_MS, 90), Charge(LAST_MS, 80))
MONDAY_9 = 9


def weeks_ago(*hours: int) -> tuple[Before, ...]:
    """At these hours of the week, one, two, ... weeks ago."""
    return tuple(Before(hour, 7 * week) for week, hour in enumerate(hours, 1))


def days_ago(*days: int) -> tuple[Before, ...]:
    """At nine in the morning, seen from a Thursday."""
    return tuple(Before((81 - 24 * day) % 168, day) for day in days)


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
        ({"hour": MONDAY_9, "before": weeks_ago(MONDAY_9, MONDAY_9 + 1)}, "dead_spot"),
        ({"hour": MONDAY_9, "before": weeks_ago(MONDAY_9)}, "unknown"),
        ({"hour": 0, "before": weeks_ago(167, 0)}, "dead_spot"),  # around Sunday's midnight
        ({"hour": MONDAY_9, "before": (Before(MONDAY_9, 7), Before(MONDAY_9, 7))}, "unknown"),
        ({"hour": MONDAY_9, "before": (Before(8, 0), Before(9, 0), Before(9, 7))}, "unknown"),
        ({"hour": 81, "before": days_ago(1, 2)}, "unknown"),
        ({"hour": 81, "before": days_ago(1, 2, 3)}, "dead_spot"),
        ({"hour": 86, "before": days_ago(1, 2, 3)}, "unknown"),  # in the afternoon
        ({"hour": 81, "before": days_ago(1, 2, 3), "link_lost": True}, "dead_spot"),
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
