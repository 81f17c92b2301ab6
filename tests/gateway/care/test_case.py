# SPDX-License-Identifier: Apache-2.0
"""Promise 4: nothing hides a stronger alarm. The table of a case's life, taken apart."""

from __future__ import annotations

import itertools

import pytest

from opaska_gateway.care import case
from opaska_gateway.care.case import (
    CLOSE,
    CLOSED,
    DELIVERED,
    DROP,
    FORWARDED,
    NEW_ALARM,
    RING,
    RINGING,
    SAME_ALARM,
    SHOW,
    TAKE,
    TAKEN,
    TELL_CLOSED,
    TELL_TAKEN,
    TRANSITIONS,
    NotNow,
    step,
)

STATES = (RINGING, FORWARDED, TAKEN, CLOSED)
OPEN = (RINGING, FORWARDED, TAKEN)
EVENTS = (NEW_ALARM, SAME_ALARM, DELIVERED, TAKE, CLOSE)


@pytest.mark.parametrize("state", OPEN)
def test_a_new_kind_rings_in_every_open_state_even_after_someone_took_it(state: str) -> None:
    assert step(state, NEW_ALARM) == (RINGING, (RING,))


@pytest.mark.parametrize("state", OPEN)
def test_no_alarm_passes_an_open_case_unseen(state: str) -> None:
    _, effects = step(state, SAME_ALARM)
    assert RING in effects or SHOW in effects


def test_a_case_that_rings_cannot_be_closed() -> None:
    """Whoever wants to close it has not seen the newest alarm."""
    with pytest.raises(NotNow):
        step(RINGING, CLOSE)


@pytest.mark.parametrize("event", [NEW_ALARM, SAME_ALARM, TAKE, CLOSE])
def test_nothing_joins_or_changes_a_closed_case(event: str) -> None:
    with pytest.raises(NotNow):
        step(CLOSED, event)


def test_no_case_is_closed_by_anything_but_a_human_or_the_receiver() -> None:
    closing = {event for (_, event), (state, _) in TRANSITIONS.items() if state == CLOSED}
    assert closing == {CLOSE, DELIVERED}
    assert [old for (old, event) in TRANSITIONS if event == DELIVERED and old == CLOSED]


def test_only_taking_and_closing_are_told_to_the_wrist() -> None:
    telling = {
        (event, effect)
        for (_, event), (_, effects) in TRANSITIONS.items()
        for effect in effects
        if effect in (TELL_TAKEN, TELL_CLOSED)
    }
    assert telling == {(TAKE, TELL_TAKEN), (CLOSE, TELL_CLOSED)}


def test_only_a_dispatcher_who_took_the_case_drops_what_waits_for_the_centre() -> None:
    """An external case that nobody took over here keeps every alarm."""
    dropping = {pair for pair, (_, effects) in TRANSITIONS.items() if DROP in effects}
    assert dropping == {(TAKEN, CLOSE)}


def test_a_case_whose_alarms_wait_for_the_centre_is_closed_by_nobody_who_did_not_take_it() -> None:
    """FORWARDED means that nothing waits; every alarm leaves it."""
    assert {state for (state, event) in TRANSITIONS if event == CLOSE} == {FORWARDED, TAKEN}
    assert step(FORWARDED, NEW_ALARM)[0] == step(FORWARDED, SAME_ALARM)[0] == RINGING


def test_a_pair_that_is_not_in_the_table_raises_and_names_both() -> None:
    missing = set(itertools.product(STATES, EVENTS)) - set(TRANSITIONS)
    assert missing
    for state, event in missing:
        with pytest.raises(NotNow) as refused:
            step(state, event)
        assert (refused.value.state, refused.value.event) == (state, event)


def test_every_state_is_reached_from_the_first() -> None:
    reached = {RINGING}
    for _ in STATES:
        reached |= {new for (old, _), (new, _) in TRANSITIONS.items() if old in reached}
    assert reached == set(STATES)


def test_outcomes_are_the_three_of_the_programme() -> None:
    assert case.OUTCOMES == ("helped", "not_needed", "not_helped")
