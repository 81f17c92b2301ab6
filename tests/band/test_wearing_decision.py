# SPDX-License-Identifier: Apache-2.0
"""decisions/wearing.py: every pair of the table, and what the table as a whole must promise."""

import itertools

import pytest

from opaska_band.decisions.wearing import (
    LATE,
    LIFTED,
    LIFTED_MS,
    NEW,
    NOTHING,
    RAISE,
    REPORT,
    NoTransitionError,
    step,
)
from opaska_protocol.reports import CHARGING, CUT, LOOSE, TAKEN_OFF, WORN

LOOKS = (WORN, LOOSE, TAKEN_OFF, CUT, CHARGING)
STATES = (NEW, *LOOKS, LIFTED)
EVENTS = (*LOOKS, LATE)

STORIES = [
    # what happens, and after each event: state, what to do
    ("first put on", [(TAKEN_OFF, NEW, NOTHING), (WORN, WORN, REPORT)]),
    (
        "a new band on a bench",
        [(CUT, NEW, NOTHING), (LOOSE, NEW, NOTHING), (CHARGING, NEW, NOTHING)],
    ),
    ("off and on", [(WORN, WORN, REPORT), (TAKEN_OFF, TAKEN_OFF, RAISE), (WORN, WORN, REPORT)]),
    (
        "loose all day",
        [
            (WORN, WORN, REPORT),
            (WORN, WORN, NOTHING),
            (LOOSE, LOOSE, NOTHING),
            (LOOSE, LOOSE, NOTHING),
            (WORN, WORN, NOTHING),
            (LOOSE, LOOSE, NOTHING),
            (TAKEN_OFF, TAKEN_OFF, RAISE),
        ],
    ),
    (
        "carried in a hand",
        [
            (WORN, WORN, REPORT),
            (TAKEN_OFF, TAKEN_OFF, RAISE),
            (LOOSE, TAKEN_OFF, NOTHING),
            (TAKEN_OFF, TAKEN_OFF, NOTHING),
        ],
    ),
    (
        "taken off, then cut",
        [(WORN, WORN, REPORT), (TAKEN_OFF, TAKEN_OFF, RAISE), (CUT, CUT, RAISE)],
    ),
    (
        "cut, and worn again with a new strap",
        [
            (WORN, WORN, REPORT),
            (CUT, CUT, RAISE),
            (TAKEN_OFF, CUT, NOTHING),
            (LOOSE, CUT, NOTHING),
            (CUT, CUT, NOTHING),
            (WORN, WORN, REPORT),
        ],
    ),
    (
        "cut while loose, mended on the charger",
        [
            (WORN, WORN, REPORT),
            (LOOSE, LOOSE, NOTHING),
            (CUT, CUT, RAISE),
            (CHARGING, CHARGING, REPORT),
        ],
    ),
    (
        "a night on the charger",
        [
            (WORN, WORN, REPORT),
            (CHARGING, CHARGING, REPORT),
            (CHARGING, CHARGING, NOTHING),
            (TAKEN_OFF, LIFTED, REPORT),
            (LOOSE, LIFTED, NOTHING),
            (TAKEN_OFF, LIFTED, NOTHING),
            (WORN, WORN, REPORT),
        ],
    ),
    (
        "forgotten beside the charger",
        [
            (WORN, WORN, REPORT),
            (LOOSE, LOOSE, NOTHING),
            (CHARGING, CHARGING, REPORT),
            (LOOSE, LIFTED, REPORT),
            (LATE, TAKEN_OFF, RAISE),
            (TAKEN_OFF, TAKEN_OFF, NOTHING),
            (CHARGING, CHARGING, REPORT),
            (WORN, WORN, REPORT),
        ],
    ),
    (
        "back to the charger, and cut there",
        [
            (WORN, WORN, REPORT),
            (CHARGING, CHARGING, REPORT),
            (TAKEN_OFF, LIFTED, REPORT),
            (CHARGING, CHARGING, REPORT),
            (CUT, CUT, RAISE),
        ],
    ),
    (
        "cut when lifted",
        [
            (WORN, WORN, REPORT),
            (CHARGING, CHARGING, REPORT),
            (TAKEN_OFF, LIFTED, REPORT),
            (CUT, CUT, RAISE),
        ],
    ),
    ("cut while worn", [(WORN, WORN, REPORT), (CUT, CUT, RAISE)]),
]


@pytest.mark.parametrize(("_name", "story"), STORIES, ids=[name for name, _ in STORIES])
def test_story(_name: str, story: list[tuple[int, int, str]]) -> None:
    state = NEW
    for event, new, what in story:
        assert step(state, event) == (new, what)
        state = new


def test_stories_tell_every_way() -> None:
    told = set()
    for _, story in STORIES:
        states = [NEW, *(new for _, new, _ in story)]
        told |= {(then, event) for then, (event, _, _) in zip(states, story, strict=False)}
    assert told == {*itertools.product(STATES, LOOKS), (LIFTED, LATE)}


@pytest.mark.parametrize(
    ("state", "event"),
    [
        *((state, LATE) for state in STATES if state != LIFTED),
        (NEW, 0),
        (NEW, 7),
        (7, WORN),
        (-1, 1),
    ],
)
def test_what_is_not_in_the_table_is_refused(state: int, event: int) -> None:
    with pytest.raises(NoTransitionError, match=rf"{state} \+ {event}"):
        step(state, event)


def test_an_alarm_rings_once_for_each_time_it_leaves_a_wrist_and_once_for_each_cut() -> None:
    raising = {
        (state, event)
        for state, event in itertools.product(STATES, EVENTS)
        if (event != LATE or state == LIFTED) and step(state, event)[1] == RAISE
    }
    on_a_wrist = {(state, off) for state in (WORN, LOOSE) for off in (TAKEN_OFF, CUT)}
    assert raising == {
        *on_a_wrist,
        (TAKEN_OFF, CUT),
        (CHARGING, CUT),
        (LIFTED, CUT),
        (LIFTED, LATE),
    }


def test_putting_it_on_or_on_the_charger_never_rings() -> None:
    for state, event in itertools.product(STATES, (WORN, LOOSE, CHARGING)):
        assert step(state, event)[1] != RAISE


def test_numbers_are_those_that_were_agreed() -> None:
    assert LIFTED_MS == 5 * 60_000
    assert LIFTED not in LOOKS
