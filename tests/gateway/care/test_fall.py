# SPDX-License-Identifier: Apache-2.0
"""Promise 7, the rules: every announced fall has an end, and none is hidden by another."""

from __future__ import annotations

import itertools

import pytest

from opaska_gateway.care import fall
from opaska_gateway.care.fall import (
    ALARM,
    ANNOUNCE,
    ANNOUNCED,
    CANCEL,
    CANCELLED,
    DEADLINE,
    GRACE_MS,
    RAISE,
    RAISED,
    TRANSITIONS,
    UNHEARD,
    due_ms,
    step,
)
from opaska_protocol import reports

HEARD = (ANNOUNCE, CANCEL, ALARM)  # in any order, each at most once or not at all
NOW_MS = 1_700_000_000_000


def _told(events: tuple[str, ...]) -> str:
    state = UNHEARD
    for event in events:
        state, _ = step(state, event)
    return state


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_order_in_which_reports_come_makes_no_difference(count: int) -> None:
    for chosen in itertools.combinations(HEARD, count):
        assert len({_told(order) for order in itertools.permutations(chosen)}) == 1, chosen


def test_only_an_announced_fall_waits_and_only_it_is_raised_by_the_deadline() -> None:
    assert {state for state, event in TRANSITIONS if event == DEADLINE} == {ANNOUNCED}
    assert step(ANNOUNCED, DEADLINE) == (RAISED, (RAISE,))


@pytest.mark.parametrize("event", HEARD)
def test_what_was_raised_stays_raised(event: str) -> None:
    assert step(RAISED, event) == (RAISED, ())


def test_a_fall_that_is_cancelled_and_then_still_is_raised() -> None:
    assert step(CANCELLED, ALARM)[0] == RAISED


@pytest.mark.parametrize(
    ("received_s", "happened_s", "expected_s"),
    [
        (0, None, 20),  # nothing tells how old it is
        (0, 0, 20),
        (8, 0, 20),  # eight seconds on the way
        (19, 0, 20),
        (20, 0, 20),
        (3_600, 0, 3_600),  # hours offline: the same few seconds, no more
        (0, 50, 20),  # from the future: a clock is wrong
    ],
)
def test_the_deadline_counts_from_the_fall_and_always_leaves_a_few_seconds(
    received_s: int, happened_s: int | None, expected_s: int
) -> None:
    happened_ms = None if happened_s is None else NOW_MS + happened_s * 1000
    due = due_ms(NOW_MS + received_s * 1000, happened_ms, reports.COUNTDOWN_S)
    assert due == NOW_MS + expected_s * 1000 + GRACE_MS


def test_everything_that_settles_has_a_word() -> None:
    assert fall.cancel_word(reports.BY_HAND) == "by_hand"
    assert fall.cancel_word(reports.WALKED_ON) == "walked_on"
    assert fall.cancel_word(99) == fall.cancel_word(None) == "cancelled"
    assert fall.alarm_word(reports.SOS, None) == "sos"
    assert fall.alarm_word(reports.FALL, reports.STILL_AFTER_CANCEL) == "still_after_cancel"
    assert fall.alarm_word(reports.FALL, 99) == fall.alarm_word(None, None) == "alarm"
