# SPDX-License-Identifier: Apache-2.0
"""decisions/alarm.py: every transition, and what the table as a whole must promise."""

import itertools

import pytest

from opaska_band.decisions import alarm
from opaska_band.decisions.alarm import (
    ANOTHER,
    ANSWER,
    DEADLINE,
    IDLE,
    LATE,
    PRESS,
    REPORT,
    RESUME,
    RESUMED,
    RESUMED_LATE,
    SEND,
    SENDING,
    STOP,
    TABLE,
    TELL,
    TIMER,
    step,
)
from opaska_band.decisions.table import NoTransitionError, transitions
from tests.support.stories import Step, check_story, told

TRANSITIONS = transitions(TABLE)
STATES = (IDLE, SENDING, LATE, RESUMED, RESUMED_LATE)
EVENTS = (PRESS, ANOTHER, RESUME, ANSWER, DEADLINE)

STORIES = [
    # what happens, and after each event: state, effects
    ("answered", [(PRESS, SENDING, (REPORT, SEND, TIMER, TELL)), (ANSWER, IDLE, (STOP,))]),
    (
        "pressed again while it is on its way",
        [
            (PRESS, SENDING, (REPORT, SEND, TIMER, TELL)),
            (PRESS, SENDING, (SEND, TELL)),
            (DEADLINE, LATE, (TELL,)),
            (PRESS, LATE, (SEND, TELL)),
            (ANSWER, IDLE, ()),
        ],
    ),
    (
        "pressed again after the answer",
        [
            (PRESS, SENDING, (REPORT, SEND, TIMER, TELL)),
            (ANSWER, IDLE, (STOP,)),
            (PRESS, SENDING, (REPORT, SEND, TIMER, TELL)),
        ],
    ),
    (
        "found waiting after a restart",
        [
            (RESUME, RESUMED, (SEND, TIMER, TELL)),
            (DEADLINE, RESUMED_LATE, (TELL,)),
            (ANSWER, IDLE, ()),
        ],
    ),
    (
        "found waiting, answered in time",
        [(RESUME, RESUMED, (SEND, TIMER, TELL)), (ANSWER, IDLE, (STOP,))],
    ),
    (
        "found waiting, pressed anew",
        [
            (RESUME, RESUMED, (SEND, TIMER, TELL)),
            (PRESS, SENDING, (REPORT, SEND, TIMER, TELL)),
        ],
    ),
    (
        "found waiting, late, pressed anew",
        [
            (RESUME, RESUMED, (SEND, TIMER, TELL)),
            (DEADLINE, RESUMED_LATE, (TELL,)),
            (PRESS, SENDING, (REPORT, SEND, TIMER, TELL)),
        ],
    ),
    (
        "a fall, and an SOS while it is on its way",
        [
            (ANOTHER, SENDING, (REPORT, SEND, TIMER, TELL)),
            (ANOTHER, SENDING, (REPORT, SEND, TELL)),
            (DEADLINE, LATE, (TELL,)),
            (ANOTHER, LATE, (REPORT, SEND, TELL)),
            (ANSWER, IDLE, ()),
        ],
    ),
    (
        "found waiting, then a fall",
        [
            (RESUME, RESUMED, (SEND, TIMER, TELL)),
            (ANOTHER, SENDING, (REPORT, SEND, TIMER, TELL)),
        ],
    ),
    (
        "found waiting, late, then a fall",
        [
            (RESUME, RESUMED, (SEND, TIMER, TELL)),
            (DEADLINE, RESUMED_LATE, (TELL,)),
            (ANOTHER, SENDING, (REPORT, SEND, TIMER, TELL)),
        ],
    ),
    (
        "held at power-up with an old one waiting",
        [(PRESS, SENDING, (REPORT, SEND, TIMER, TELL)), (RESUME, SENDING, ())],
    ),
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


def test_a_press_is_possible_in_every_state_sends_at_once_and_is_felt() -> None:
    for state in STATES:
        _, effects = step(state, PRESS)
        assert SEND in effects
        assert TELL in effects


def test_an_alarm_of_another_kind_always_makes_its_own_report() -> None:
    for state in STATES:
        _, effects = step(state, ANOTHER)
        assert effects[0] == REPORT


def test_the_wearer_has_no_way_to_cancel() -> None:
    leaving = {event for (state, event), (new, _) in TRANSITIONS.items() if new == IDLE != state}
    assert leaving == {ANSWER}


def test_a_running_deadline_ends_with_the_answer_or_by_itself() -> None:
    for (state, event), (new, effects) in TRANSITIONS.items():
        if state in (SENDING, RESUMED) and new == IDLE:
            assert STOP in effects, event
        if new in (SENDING, RESUMED) and state != new:
            assert TIMER in effects, event


def test_not_sent_is_said_one_minute_after_the_press() -> None:
    assert alarm.NOT_SENT_AFTER_MS == 60_000
