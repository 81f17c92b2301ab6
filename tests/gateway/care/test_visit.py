# SPDX-License-Identifier: Apache-2.0
"""Visits are told from touches alike, in whatever order these come; nobody's touch is lost."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.care import visit as rules
from opaska_gateway.care.visit import ENDED, FORGOTTEN, OPEN, UNBEGUN, Visit, pair
from tests.support.touches import BEATA, JAN, MARIA, MINUTE, NOON, begin, end, message

if TYPE_CHECKING:
    from opaska_gateway.care.visit import Touch

HOUR = 60
LATER = NOON + 100 * HOUR * MINUTE
SEED = 0x5117


def told(*touches: Touch, now_ms: int = LATER) -> list[tuple[str, float, float | None]]:
    """(state, first minute, minute of the end)"""
    return [line(one) for one in pair(touches, now_ms)]


def line(visit: Visit) -> tuple[str, float, float | None]:
    to_minute = (visit.end.at_ms - NOON) / MINUTE if visit.end else None
    return visit.state, (visit.from_ms - NOON) / MINUTE, to_minute


def test_a_touch_begins_and_the_next_one_ends() -> None:
    first = begin(0)
    assert told(first, end(50, of=first.message)) == [(ENDED, 0, 50)]
    assert told(first, now_ms=NOON + 30 * MINUTE) == [(OPEN, 0, None)]


def test_an_end_without_a_name_ends_the_open_visit_of_its_card_and_wearer() -> None:
    assert told(begin(0), end(50)) == [(ENDED, 0, 50)]
    other = begin(10, BEATA)
    assert told(begin(0), other, end(50)) == [(ENDED, 0, 50), (FORGOTTEN, 10, None)]
    assert told(begin(0), end(50, wearer=JAN)) == [(FORGOTTEN, 0, None), (UNBEGUN, 50, 50)]


def test_check_out_that_was_forgotten_is_told_after_16_hours_and_not_before() -> None:
    limit_ms = NOON + rules.LIMIT_MS
    assert told(begin(0), now_ms=limit_ms) == [(OPEN, 0, None)]
    assert told(begin(0), now_ms=limit_ms + 1) == [(FORGOTTEN, 0, None)]


def test_the_next_beginning_at_the_band_tells_that_the_end_was_forgotten() -> None:
    day = 24 * HOUR
    assert told(begin(0), begin(day), end(day + 50)) == [
        (FORGOTTEN, 0, None),
        (ENDED, day, day + 50),
    ]


def test_an_end_without_a_beginning_stands_for_itself_until_the_beginning_comes() -> None:
    first = begin(0)
    last = end(50, of=first.message)
    assert told(last) == [(UNBEGUN, 50, 50)]
    assert told(last, first) == [(ENDED, 0, 50)]


def test_an_unnamed_end_of_the_next_day_is_not_the_end_of_this_visit() -> None:
    assert told(begin(0), end(17 * HOUR)) == [
        (FORGOTTEN, 0, None),
        (UNBEGUN, 17 * HOUR, 17 * HOUR),
    ]


def test_a_named_end_counts_however_late_and_is_marked_long() -> None:
    first = begin(0)
    (visit,) = pair([first, end(17 * HOUR, of=first.message)], LATER)
    assert visit.state == ENDED
    assert visit.marks == {rules.LONG}


def test_an_end_cannot_name_the_beginning_of_another_card() -> None:
    first = begin(0)
    assert told(first, end(50, BEATA, of=first.message)) == [
        (FORGOTTEN, 0, None),
        (UNBEGUN, 50, 50),
    ]


def test_touches_of_one_direction_within_a_minute_are_one() -> None:
    assert told(begin(0), begin(0.5), end(50), end(51)) == [(ENDED, 0, 50)]
    assert told(begin(0), begin(0.5, band=b"other"), end(50)) == [(ENDED, 0, 50)]
    assert told(end(50), end(50.9)) == [(UNBEGUN, 50, 50)]


def test_an_end_that_is_taken_back_at_the_door_was_a_slip() -> None:
    (visit,) = pair([begin(0), end(0.3), begin(0.6), end(50)], LATER)
    assert line(visit) == (ENDED, 0, 50)
    assert visit.marks == {rules.SLIP}
    assert told(begin(0), end(0.3), begin(0.6), now_ms=NOON + 5 * MINUTE) == [(OPEN, 0, None)]
    assert told(begin(0), end(0.3), begin(0.6)) == [(FORGOTTEN, 0, None)]


def test_a_second_touch_when_leaving_costs_no_end_and_is_marked() -> None:
    visits = pair([begin(0), end(50), begin(50.5)], LATER)
    assert [line(one) for one in visits] == [(ENDED, 0, 50), (FORGOTTEN, 50.5, None)]
    assert [one.marks for one in visits] == [{rules.AT_ONCE}] * 2


def test_a_check_out_forgotten_in_the_morning_does_not_swallow_the_evening() -> None:
    evening = 7 * HOUR
    touches = [begin(0), end(evening), begin(evening + 0.5), end(evening + 45)]
    visits = pair(touches, LATER)
    assert [line(one) for one in visits] == [
        (ENDED, 0, evening),
        (ENDED, evening + 0.5, evening + 45),
    ]
    assert [one.marks for one in visits] == [{rules.AT_ONCE}] * 2
    (whole,) = pair([begin(0), end(9 * HOUR)], LATER)
    assert whole.marks == {rules.LONG}, "somebody may look"


def test_a_visit_of_seconds_is_marked_short() -> None:
    (visit,) = pair([begin(0), end(0.4)], LATER)
    assert visit.marks == {rules.SHORT}


def test_wearer_who_gets_another_band_in_a_visit_keeps_the_visit() -> None:
    again = begin(30, band=b"new")
    (visit,) = pair([begin(0), again, end(50, band=b"new", of=again.message)], LATER)
    assert line(visit) == (ENDED, 0, 50)
    assert visit.marks == {rules.CHANGED_BAND}


def test_band_that_gets_another_wearer_in_a_visit_ends_the_visit_of_the_first() -> None:
    first = begin(0, wearer=MARIA)
    (visit,) = pair([first, end(50, wearer=JAN, of=first.message)], LATER)
    assert line(visit) == (ENDED, 0, 50)
    assert visit.first.wearer == MARIA


def test_times_that_disagree_are_shown_and_nothing_is_lost() -> None:
    first = begin(50)
    (visit,) = pair([first, end(40, of=first.message, error_ms=None)], LATER)
    assert visit.state == ENDED
    assert visit.marks == {rules.TIMES, rules.VAGUE}


@pytest.mark.parametrize(
    ("card_service", "taps", "service"),
    [(None, (1, 1), 1), (None, (3, 1), 3), (None, (1, 2), 2), (None, (3, 2), 2), (7, (3, 2), 7)],
)
def test_service_is_the_cards_or_the_taps(
    card_service: int | None, taps: tuple[int, int], service: int
) -> None:
    first = begin(0, service=card_service, taps=taps[0])
    (visit,) = pair([first, end(50, service=card_service, taps=taps[1])], LATER)
    assert visit.service == service


def test_taps_that_were_put_right_at_the_door_are_the_service() -> None:
    (visit,) = pair([begin(0), end(0.3), begin(0.6, taps=3), end(50)], LATER)
    assert visit.service == 3


def test_any_touches_in_any_order_give_the_same_visits_and_none_is_lost() -> None:
    rng = random.Random(SEED)
    for _ in range(300):
        touches = _some(rng)
        expected = [_whole(one) for one in pair(touches, LATER)]
        assert sorted(number for _, numbers in expected for number in numbers) == sorted(
            one.event_id for one in touches
        )
        for visit in pair(touches, LATER):
            assert visit.state in (ENDED, FORGOTTEN, UNBEGUN)
            assert (visit.state == ENDED) <= (visit.begin is not None and visit.end is not None)
        rng.shuffle(touches)
        assert [_whole(one) for one in pair(touches, LATER)] == expected


def _whole(visit: Visit) -> tuple[str, list[int]]:
    return visit.state, [one.event_id for one in visit.touches]


def _some(rng: random.Random) -> list[Touch]:
    touches: list[Touch] = []
    for _ in range(rng.randrange(1, 14)):
        minute = rng.choice((rng.randrange(40 * HOUR), rng.randrange(3), rng.random()))
        where = {"wearer": rng.choice((MARIA, JAN)), "band": rng.choice((b"one", b"two"))}
        carer = rng.choice((BEATA, None))
        if rng.random() < 0.5:
            touches.append(begin(minute, carer, **where))
        else:
            named = rng.choice([one.message for one in touches] + [None, message(1 << 30)])
            touches.append(end(minute, carer, of=named, **where))
    return touches
