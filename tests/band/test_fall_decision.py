# SPDX-License-Identifier: Apache-2.0
"""decisions/fall.py: every pair of the table, and what the table as a whole must promise."""

import itertools

import pytest

from opaska_band.decisions import fall
from opaska_band.decisions.fall import (
    ANNOUNCE,
    CALL,
    CANCEL,
    CANCELLED,
    CONFIRM,
    CONFIRMED,
    COUNT,
    COUNTING,
    DEADLINE,
    FALL,
    FEEL,
    HELD_5S,
    HELD_10S,
    IDLE,
    LET_GO,
    PRESS,
    PRESSED,
    RAISE,
    REASON,
    RESTART,
    SHORT,
    SOS,
    STILL,
    STOP,
    TABLE,
    WALKING,
    WATCH,
    WATCH_OVER,
    WHY,
    step,
)
from opaska_band.decisions.table import NoTransitionError, transitions
from opaska_protocol import reports
from tests.support.stories import Step, check_story, told

TRANSITIONS = transitions(TABLE)
STATES = (IDLE, COUNTING, PRESSED, CONFIRMED, CANCELLED)
EVENTS = (
    *(FALL, DEADLINE, PRESS, SHORT, HELD_5S, LET_GO, HELD_10S),
    *(WALKING, SOS, STILL, WATCH_OVER, RESTART),
)

RAISED = (RAISE, STOP)
ANNOUNCED = (FALL, COUNTING, (ANNOUNCE, COUNT))
DOWN = (PRESS, PRESSED, (FEEL,))
HELD = (HELD_5S, CONFIRMED, (CONFIRM,))
BY_HAND = (LET_GO, CANCELLED, (CANCEL, STOP, WATCH))

STORIES = [
    # what happens, and after each event: state, effects
    ("nobody does anything", [ANNOUNCED, (DEADLINE, IDLE, RAISED)]),
    ("a short press calls for help", [ANNOUNCED, DOWN, (SHORT, IDLE, (CALL, STOP))]),
    ("held, felt, let go", [ANNOUNCED, DOWN, HELD, BY_HAND, (WATCH_OVER, IDLE, ())]),
    ("somebody lies on the button", [ANNOUNCED, DOWN, HELD, (HELD_10S, IDLE, RAISED)]),
    ("the deadline does not wait for a press", [ANNOUNCED, DOWN, (DEADLINE, IDLE, RAISED)]),
    ("but for a confirmed hold", [ANNOUNCED, DOWN, HELD, (DEADLINE, CONFIRMED, ()), BY_HAND]),
    ("walked on", [ANNOUNCED, (WALKING, CANCELLED, (CANCEL, STOP, WATCH))]),
    ("cancelled and then still", [ANNOUNCED, DOWN, HELD, BY_HAND, (STILL, IDLE, RAISED)]),
    (
        "another fall in the countdown",
        [
            ANNOUNCED,
            (FALL, COUNTING, ()),
            DOWN,
            (FALL, PRESSED, ()),
            HELD,
            (FALL, CONFIRMED, ()),
        ],
    ),
    ("another fall after a cancel", [ANNOUNCED, DOWN, HELD, BY_HAND, ANNOUNCED]),
    ("an SOS in another way", [ANNOUNCED, (SOS, IDLE, (STOP,))]),
    ("the same while pressed", [ANNOUNCED, DOWN, (SOS, IDLE, (STOP,))]),
    ("the same while confirmed", [ANNOUNCED, DOWN, HELD, (SOS, IDLE, (STOP,))]),
    ("restarted", [(RESTART, IDLE, RAISED)]),
]


@pytest.mark.parametrize(("_name", "story"), STORIES, ids=[name for name, _ in STORIES])
def test_story(_name: str, story: list[Step]) -> None:
    check_story(step, IDLE, story)


def test_stories_tell_every_transition() -> None:
    assert told(IDLE, STORIES) == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("state", "event"), sorted(set(itertools.product(STATES, EVENTS)) - set(TRANSITIONS))
)
def test_what_is_not_in_the_table_is_refused(state: str, event: str) -> None:
    with pytest.raises(NoTransitionError, match=f"{state}.*{event}"):
        step(state, event)


def test_a_fall_is_announced_before_anything_else_and_in_no_state_forgotten() -> None:
    for state in STATES:
        new, effects = step(state, FALL)
        assert new != IDLE
        assert effects[:1] in ((), (ANNOUNCE,))
        assert state not in (IDLE, CANCELLED) or effects


def test_every_countdown_ends_in_an_alarm_or_a_reasoned_cancel_and_nothing_else() -> None:
    for (state, event), (new, effects) in TRANSITIONS.items():
        if state in (COUNTING, PRESSED, CONFIRMED) and new in (IDLE, CANCELLED):
            ends = {RAISE, CALL, CANCEL} & set(effects)
            assert len(ends) == 1 or event == SOS, "an SOS has its report already"
            assert STOP in effects
            assert effects.index(STOP) == len(ends), "what is reported comes first"


def test_only_a_confirmed_hold_and_walking_on_cancel() -> None:
    cancelling = {pair for pair, (_, effects) in TRANSITIONS.items() if CANCEL in effects}
    assert cancelling == {(CONFIRMED, LET_GO), (COUNTING, WALKING)}
    assert {event for _, event in cancelling} == set(REASON)


def test_a_raised_fall_says_why() -> None:
    raising = {event for (_, event), (_, effects) in TRANSITIONS.items() if RAISE in effects}
    assert raising == set(WHY)
    assert len(set(WHY.values())) == len(WHY)


def test_numbers_are_those_that_were_agreed() -> None:
    assert fall.COUNTDOWN_MS == 20_000 == reports.COUNTDOWN_S * 1_000
    assert fall.STILL_S == 60
    assert fall.STILL_S < fall.WATCHED_S
    assert fall.COUNTDOWN_MS % fall.BEATS_MS == 0


def test_pulses_come_slower_than_steps() -> None:
    slowest_step_ms = 1_300  # senses/stillness.py
    assert slowest_step_ms * 1.5 < fall.BEATS_MS
