# SPDX-License-Identifier: Apache-2.0
"""care/worn.py: what is known of a day, and that nothing unknown is counted as worn."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from opaska_gateway.care.worn import GAP_MS, OFF, WORN, Day, Sighting, Span, days, spans
from opaska_protocol import reports

HOUR = 3_600_000
WARSAW = ZoneInfo("Europe/Warsaw")
ONE, TWO = (b"band", 1, 1), (b"band", 1, 2)
OTHER_BAND = (b"spare", 1, 1)


def beat(hour: float, state: int, boot: tuple[bytes, int, int] = ONE) -> Sighting:
    return Sighting(boot, round(hour * HOUR), state)


def change(
    hour: float,
    state: int,
    before: int | None,
    boot: tuple[bytes, int, int] = ONE,
    *,
    said_after: float = 0.0,
) -> Sighting:
    since_ms = round(hour * HOUR)
    return Sighting(boot, since_ms + round(said_after * HOUR), state, since_ms, before)


def hours(sightings: list[Sighting]) -> dict[str, float]:
    """Of each kind."""
    found: dict[str, float] = {}
    for span in spans(sightings):
        found[span.kind] = found.get(span.kind, 0) + (span.to_ms - span.from_ms) / HOUR
    return {kind: round(value, 6) for kind, value in found.items()}


def test_between_two_sayings_that_fit_it_has_been_so() -> None:
    assert spans([beat(1, reports.WORN), beat(2, reports.LOOSE)]) == [Span(HOUR, 2 * HOUR, WORN)]


def test_a_change_says_what_was_until_it_began() -> None:
    told = [
        beat(1, reports.WORN),
        change(2, reports.TAKEN_OFF, reports.LOOSE, said_after=0.01),
        change(3, reports.WORN, reports.TAKEN_OFF),
        beat(4, reports.WORN),
    ]
    assert hours(told) == {"worn": 2, "off": 1}


def test_order_in_which_reports_come_changes_nothing() -> None:
    told = [
        beat(1, reports.WORN),
        change(1.5, reports.CHARGING, reports.WORN),
        beat(2, reports.CHARGING),
        change(2.5, reports.TAKEN_OFF, reports.CHARGING),
        change(2.6, reports.WORN, reports.TAKEN_OFF),
        beat(3, reports.WORN),
    ]
    expected = hours(told)
    assert expected == {"worn": 0.9, "charging": 1, "off": 0.1}
    for order in list(permutations(told))[::37]:
        assert hours(list(order)) == expected


@pytest.mark.parametrize(
    ("told", "known"),
    [
        # a report is missing: it was worn, and then off, and nobody knows since when
        (
            [beat(1, reports.WORN), beat(2, reports.TAKEN_OFF), beat(3, reports.TAKEN_OFF)],
            {OFF: 1},
        ),
        # it was taken off and put on again, of which only the end has come
        ([beat(1, reports.WORN), change(2, reports.WORN, reports.TAKEN_OFF)], {}),
        # the band was started anew
        ([beat(1, reports.WORN), beat(2, reports.WORN, TWO)], {}),
        # silence
        ([beat(1, reports.WORN), beat(1 + GAP_MS / HOUR, reports.WORN)], {WORN: GAP_MS / HOUR}),
        ([beat(1, reports.WORN), beat(1.1 + GAP_MS / HOUR, reports.WORN)], {}),
        # a state that this gateway does not know
        ([beat(1, 99), beat(2, 99)], {}),
        ([beat(1, reports.WORN), change(2, 99, reports.WORN), beat(3, 99)], {WORN: 1}),
        # the first report of a boot, which says nothing of what was before
        ([beat(1, reports.WORN), change(2, reports.TAKEN_OFF, None)], {}),
        ([], {}),
        ([beat(1, reports.WORN)], {}),
    ],
)
def test_what_nobody_vouches_for_is_unknown(told: list[Sighting], known: dict[str, float]) -> None:
    assert hours(told) == known


def test_a_lost_report_never_adds_an_hour_on_the_wrist() -> None:
    """Of a random life, any part of the reports proves no more than all of them."""
    chance = random.Random(4)
    for _ in range(200):
        told: list[Sighting] = []
        state, hour = reports.WORN, 0.0
        while hour < 24:
            hour += chance.uniform(0.1, 2)
            if chance.random() < 0.4:
                before, state = state, chance.choice((reports.WORN, reports.TAKEN_OFF))
                told.append(change(hour, state, before))
            else:
                told.append(beat(hour, state))
        whole = hours(told).get(WORN, 0)
        some = [one for one in told if chance.random() < 0.7 or one.since_ms is not None]
        assert hours(some).get(WORN, 0) <= whole + 1e-9


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=WARSAW).timestamp() * 1000)


def in_hours(day: Day) -> tuple[date, float, float, float, float]:
    values = (day.worn_ms, day.charging_ms, day.off_ms, day.unknown_ms)
    worn, charging, off, unknown = (value / HOUR for value in values)
    return day.day, worn, charging, off, unknown


def test_days_are_those_of_the_wearers_home() -> None:
    known = [Span(at("2026-07-01 22:00"), at("2026-07-02 06:00"), WORN)]
    assert [
        in_hours(day) for day in days(known, WARSAW, date(2026, 7, 1), at("2026-07-02 12:00"))
    ] == [
        (date(2026, 7, 1), 2, 0, 0, 22),
        (date(2026, 7, 2), 6, 0, 0, 6),
    ]
    begun = datetime.fromtimestamp(known[0].from_ms / 1000, UTC)
    assert begun.hour == 20, "in UTC it is another hour"


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_the_day_of_the_change_of_time_has_an_hour_more_or_less(day: str, length: int) -> None:
    first = date.fromisoformat(day)
    known = [Span(at(f"{day} 00:00") - HOUR, at(f"{day} 00:00") + 30 * HOUR, WORN)]
    [counted] = days(known, WARSAW, first, at(f"{day} 00:00") + length * HOUR - 1)
    assert counted.worn_ms == length * HOUR - 1
    assert counted.unknown_ms == 0


def test_of_two_bands_the_one_on_the_wrist_counts_and_no_hour_twice() -> None:
    told = [
        beat(0, reports.WORN),
        beat(2, reports.WORN),
        beat(1, reports.CHARGING, OTHER_BAND),
        beat(3, reports.CHARGING, OTHER_BAND),
    ]
    [day] = days(spans(told), ZoneInfo("UTC"), date(1970, 1, 1), 4 * HOUR)
    assert in_hours(day) == (date(1970, 1, 1), 2, 1, 0, 1)
