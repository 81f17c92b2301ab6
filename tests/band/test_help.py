# SPDX-License-Identifier: Apache-2.0
"""decisions/help.py: answers in any order, and what the wearer may be told."""

import itertools
import random

import pytest

from opaska_band.decisions import alarm
from opaska_band.decisions.help import (
    ANSWERS,
    NOT_SENT,
    SENT,
    STATES,
    TOLD,
    WORKING,
    OpenReports,
    step,
)
from opaska_band.decisions.table import transitions
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN

BOOT = 7


def opened(*seqs: int) -> OpenReports:
    reports = OpenReports()
    for seq in seqs:
        reports.opened(BOOT, seq)
    return reports


@pytest.mark.parametrize("order", list(itertools.permutations(ANSWERS)))
def test_answers_in_any_order_and_twice_end_the_same(order: tuple[int, ...]) -> None:
    reports = opened(1)
    reached = SENT
    for answer in (*order, *order):
        before, now = reports.answered(BOOT, 1, answer, BOOT)
        assert before == reached
        assert now == max(reached, answer)
        reached = now
    assert reached == CLOSED
    assert reports.furthest(BOOT) == SENT


def test_no_answer_moves_a_report_back_and_each_moves_it_at_least_to_itself() -> None:
    for state, answer in itertools.product(STATES, ANSWERS):
        assert step(state, answer) >= state
        assert step(state, answer) in (state, answer)
        assert step(SENT, answer) == answer


def test_only_a_verified_answer_lets_the_wearer_hope() -> None:
    for state, told in TOLD.items():
        assert told[SENT] in (None, WORKING, NOT_SENT), state
    assert TOLD[alarm.LATE] == TOLD[alarm.RESUMED_LATE] == (NOT_SENT,) * 4
    assert {state for state, _ in transitions(alarm.TABLE)} == set(TOLD)


def test_the_furthest_open_report_counts() -> None:
    reports = opened(1, 2)
    reports.answered(BOOT, 1, TAKEN, BOOT)
    reports.answered(BOOT, 2, STORED, BOOT)
    assert reports.furthest(BOOT) == TAKEN
    reports.answered(BOOT, 1, CLOSED, BOOT)
    assert reports.furthest(BOOT) == STORED


def test_an_answer_of_before_the_restart_sent_again_gives_a_new_sos_no_hope() -> None:
    reports = opened()
    reports.answered(BOOT - 1, 4, TAKEN, BOOT)
    assert reports.furthest(BOOT) == TAKEN  # the case of before the restart, as far as it knows
    reports.opened(BOOT, 1)
    assert reports.furthest(BOOT) == SENT
    reports.answered(BOOT - 1, 5, TAKEN, BOOT)
    assert reports.furthest(BOOT) == SENT
    reports.answered(BOOT, 1, STORED, BOOT)
    assert reports.furthest(BOOT) == STORED
    reports.answered(BOOT, 1, CLOSED, BOOT)
    assert reports.furthest(BOOT) == TAKEN


@pytest.mark.parametrize("replayed", [1, 8, 20])
@pytest.mark.parametrize("boot", [BOOT - 3, BOOT - 2, BOOT - 1])
def test_nor_does_it_give_hope_to_an_sos_that_waits_since_before_the_restart(
    boot: int, replayed: int
) -> None:
    reports = OpenReports()
    reports.opened(BOOT - 2, 50)
    for seq in range(100, 100 + replayed):
        reports.answered(boot, seq, TAKEN, BOOT)
        assert reports.unanswered(BOOT)
        assert reports.furthest(BOOT) == SENT
    reports.answered(BOOT - 2, 50, STORED, BOOT)
    assert not reports.unanswered(BOOT)
    assert reports.furthest(BOOT) == STORED


def test_unanswered_until_every_sos_of_this_boot_has_an_answer() -> None:
    reports = opened(1, 2)
    reports.opened(BOOT - 1, 9)  # nobody may ever answer it
    assert reports.unanswered(BOOT)
    reports.answered(BOOT, 2, ACCEPTED, BOOT)
    assert reports.unanswered(BOOT)
    reports.answered(BOOT, 1, STORED, BOOT)
    assert not reports.unanswered(BOOT)


def test_sos_of_earlier_boots_are_waited_for_until_there_is_one_of_this_boot() -> None:
    reports = OpenReports()
    for boot in (BOOT - 2, BOOT - 1):
        reports.opened(boot, 5)
        assert reports.unanswered(BOOT)
    reports.answered(BOOT - 1, 5, STORED, BOOT)
    assert reports.unanswered(BOOT)
    reports.answered(BOOT - 2, 5, STORED, BOOT)
    assert not reports.unanswered(BOOT)


def test_answers_to_other_reports_of_this_boot_are_none_of_the_wearers() -> None:
    reports = opened(1)
    for answer in ANSWERS:
        assert reports.answered(BOOT, 2, answer, BOOT) == (SENT, SENT)
    assert reports.echo(4) == []


def test_announced_fall_that_the_gateway_has_raised_is_followed() -> None:
    reports = OpenReports()
    reports.announced = (BOOT, 5)
    assert reports.answered(BOOT, 5, STORED, BOOT) == (SENT, SENT)
    assert not reports.unanswered(BOOT)
    assert reports.answered(BOOT, 5, ACCEPTED, BOOT) == (SENT, ACCEPTED)
    assert reports.furthest(BOOT) == ACCEPTED
    assert reports.echo(4) == [(BOOT, 5, ACCEPTED)]


def test_acceptance_of_an_alarm_from_before_the_restart_is_taken_up() -> None:
    reports = OpenReports()
    assert reports.answered(BOOT - 1, 5, STORED, BOOT) == (SENT, SENT)
    assert reports.answered(BOOT - 1, 5, ACCEPTED, BOOT) == (SENT, ACCEPTED)
    assert reports.furthest(BOOT) == ACCEPTED
    assert reports.echo(4) == [(BOOT - 1, 5, ACCEPTED)]


def test_heartbeat_echoes_newest_first_and_closed_ones_until_the_gateway_has_seen_it() -> None:
    reports = opened(1, 2, 3, 4, 5, 6)
    for seq, answer in ((1, TAKEN), (2, CLOSED), (3, ACCEPTED), (4, STORED), (5, STORED)):
        reports.answered(BOOT, seq, answer, BOOT)
    rows = reports.echo(4)
    assert rows == [(BOOT, 5, STORED), (BOOT, 4, STORED), (BOOT, 3, ACCEPTED), (BOOT, 2, CLOSED)]
    assert reports.echo(4) == rows, "an echo that did not arrive is repeated"
    reports.echoed(rows)
    assert reports.echo(4) == [*rows[:3], (BOOT, 1, TAKEN)]


def test_late_answer_to_a_closed_report_does_not_open_it_again() -> None:
    reports = opened(1)
    reports.answered(BOOT, 1, CLOSED, BOOT)
    reports.echoed(reports.echo(4))
    assert reports.answered(BOOT, 1, TAKEN, BOOT) == (CLOSED, CLOSED)
    assert reports.furthest(BOOT) == SENT


def test_memory_stays_bounded_and_forgets_closed_reports_first() -> None:
    reports = opened(1, 2)
    reports.answered(BOOT, 1, TAKEN, BOOT)
    reports.answered(BOOT, 2, CLOSED, BOOT)
    for seq in range(3, 10):
        reports.opened(BOOT, seq)
    assert reports.furthest(BOOT) == TAKEN
    for seq in range(10, 2_000):
        reports.opened(BOOT, seq)
    assert len(reports._rows) <= 8
    assert reports.unanswered(BOOT)


def test_answers_to_alarms_older_than_all_that_are_kept_change_nothing() -> None:
    reports = opened(*range(1, 9))
    assert reports.answered(1, 1, ACCEPTED, BOOT) == (SENT, SENT)


def test_random_answers_never_lower_a_report() -> None:
    chance = random.Random(3)
    reports = opened(1, 2, 3)
    reached = dict.fromkeys((1, 2, 3), SENT)
    for _ in range(2_000):
        seq, answer = chance.choice((1, 2, 3)), chance.choice(ANSWERS)
        _, now = reports.answered(BOOT, seq, answer, BOOT)
        assert now >= reached[seq]
        reached[seq] = now
