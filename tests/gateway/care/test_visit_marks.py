# SPDX-License-Identifier: Apache-2.0
"""What a human must look at is marked: overlaps, and readings of cards that cannot be."""

from __future__ import annotations

import random
import time

from opaska_gateway.care import visit as rules
from opaska_gateway.care.visit import Visit, pair
from opaska_gateway.care.visit_marks import mark
from tests.support.touches import ANNA, BEATA, JAN, MARIA, MINUTE, NOON, begin, end

HOUR = 60
LATER = NOON + 100 * HOUR * MINUTE
SEED = 0x0E1A


def test_two_carers_at_once_are_both_kept_and_marked() -> None:
    visits = pair([begin(0), end(60), begin(30, BEATA), end(90, BEATA)], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [{rules.TOGETHER}] * 2


def test_carers_who_follow_each_other_are_not_marked() -> None:
    visits = pair([begin(0), end(60), begin(60, BEATA), end(90, BEATA)], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [set(), set()]


def test_one_carer_at_two_wearers_at_once_is_marked() -> None:
    visits = pair([begin(0), end(60), begin(30, wearer=JAN), end(40, wearer=JAN)], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [{rules.TWO_PLACES}] * 2


def test_a_forgotten_end_makes_nobody_be_in_two_places() -> None:
    touches = [begin(0), begin(30, wearer=JAN), end(90, wearer=JAN)]
    visits = pair(touches, LATER)
    mark(visits, ())
    assert [(one.state, one.marks) for one in visits] == [
        (rules.FORGOTTEN, set()),
        (rules.ENDED, set()),
    ]
    visits = pair(touches, NOON + 100 * MINUTE)
    mark(visits, ())
    assert [one.marks for one in visits] == [{rules.TWO_PLACES}] * 2, "as far as anybody knows"


def test_strangers_are_in_two_places_as_they_like() -> None:
    visits = pair([begin(0, None), end(60, None), begin(30, None, wearer=JAN)], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [set(), set()]


def test_a_reading_that_somebody_else_presented_as_well_is_marked() -> None:
    visits = pair([begin(0, counter=5), end(60, counter=6), begin(70, counter=7)], LATER)
    mark(visits, {(ANNA, 6), (BEATA, 7)})
    assert [one.marks for one in visits] == [{rules.TWICE}, set()]


def test_a_late_touch_with_an_older_counter_is_in_order() -> None:
    offline = [begin(0, counter=5), end(60, counter=6)]
    online = [begin(100, counter=7, wearer=JAN), end(160, counter=8, wearer=JAN)]
    visits = pair([*online, *offline], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [set(), set()]


def test_an_old_reading_that_is_presented_later_is_marked() -> None:
    kept = begin(100, counter=3, wearer=JAN)
    visits = pair([begin(0, counter=5), end(60, counter=6), kept], LATER)
    mark(visits, ())
    assert [one.marks for one in visits] == [set(), {rules.ORDER}]


def test_times_that_may_be_wrong_accuse_nobody() -> None:
    for vague in (100 * MINUTE, None):
        kept = begin(100, counter=3, wearer=JAN, error_ms=vague)
        visits = pair([begin(0, counter=5), end(60, counter=6), kept], LATER)
        mark(visits, ())
        assert rules.ORDER not in visits[1].marks


def test_overlaps_are_those_that_comparing_each_with_each_finds() -> None:
    rng = random.Random(SEED)
    for _ in range(300):
        visits = [_any(rng) for _ in range(rng.randrange(2, 9))]
        mark(visits, ())
        for one in visits:
            others = [other for other in visits if other is not one and _overlap(one, other)]
            together = any(
                other.first.wearer == one.first.wearer and other.first.carer != one.first.carer
                for other in others
            )
            two_places = any(
                other.first.carer == one.first.carer and other.first.wearer != one.first.wearer
                for other in others
            )
            assert (rules.TOGETHER in one.marks, rules.TWO_PLACES in one.marks) == (
                together,
                two_places,
            )


def test_a_stolen_bands_forty_thousand_touches_cost_seconds() -> None:
    strangers = (str(number).encode() for number in range(20_000))
    touches = [begin(0, None, card=card) for card in strangers]
    touches += [begin(number / 1000) for number in range(20_000)]
    begun = time.monotonic()
    mark(pair(touches, NOON + 60 * MINUTE), ())
    assert time.monotonic() - begun < 30


def _any(rng: random.Random) -> Visit:
    minute = rng.randrange(30)
    who = {"carer": rng.choice((ANNA, BEATA, b"celina")), "wearer": rng.choice((MARIA, JAN))}
    first = begin(minute, **who)
    visits = pair([first, end(minute + rng.randrange(2, 30), of=first.message, **who)], LATER)
    return visits[0]


def _overlap(one: Visit, other: Visit) -> bool:
    return one.from_ms < other.to_ms and other.from_ms < one.to_ms
