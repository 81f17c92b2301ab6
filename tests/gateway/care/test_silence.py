# SPDX-License-Identifier: Apache-2.0
"""The life of a silence is the table, and its deadline leaves time to be told."""

from __future__ import annotations

import pytest

from opaska_gateway.care import silence
from opaska_gateway.care.silence import Quiet, deadline_ms, next_event, step

STATES = ("heard", "missing", "silent", "returned", "suspended", "released")
EVENTS = ("period", "deadline", "word", "absence", "unworn", "outage_over")
MINUTE_MS = 60_000
QUIET = Quiet("missing", 1_000, 1_000, 30 * MINUTE_MS, 20 * MINUTE_MS, True, False)


def test_every_state_and_event_of_the_table_has_a_name() -> None:
    for (state, event), (new, effects) in silence.TRANSITIONS.items():
        assert state in STATES
        assert new in STATES
        assert event in EVENTS
        assert set(effects) <= {"tell", "tell_end"}


def test_what_was_told_is_told_to_be_over_and_nothing_else_is() -> None:
    told = {pair for pair, (_, effects) in silence.TRANSITIONS.items() if effects}
    assert told == {
        ("missing", "deadline"),
        ("silent", "word"),
        ("silent", "absence"),
        ("silent", "unworn"),
    }


@pytest.mark.parametrize("state", ["returned", "suspended", "released"])
@pytest.mark.parametrize("event", EVENTS)
def test_what_has_ended_stays_ended(state: str, event: str) -> None:
    with pytest.raises(KeyError):
        step(state, event)


def test_a_fault_is_found_within_three_periods_with_time_to_tell_it() -> None:
    assert deadline_ms(20 * MINUTE_MS) == 58 * MINUTE_MS


@pytest.mark.parametrize(
    ("now", "event"),
    [
        ({}, None),
        ({"quiet_ms": 58 * MINUTE_MS - 1}, None),
        ({"quiet_ms": 58 * MINUTE_MS}, "deadline"),
        ({"quiet_ms": 58 * MINUTE_MS, "state": "silent"}, None),
        ({"quiet_ms": 58 * MINUTE_MS, "absent": True}, "absence"),
        ({"quiet_ms": 58 * MINUTE_MS, "last_word_ms": 2_000}, "word"),
        ({"last_word_ms": 2_000, "absent": True}, "word"),
        ({"last_word_ms": None}, None),
        ({"worn": False, "last_word_ms": 2_000}, "unworn"),
    ],
)
def test_what_happened_to_a_silence(now: dict[str, object], event: str | None) -> None:
    assert next_event(QUIET._replace(**now)) == event  # type: ignore[arg-type]
