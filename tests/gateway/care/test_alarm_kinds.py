# SPDX-License-Identifier: Apache-2.0
"""Every alarm has a word at the centre, also one that this gateway does not know."""

from __future__ import annotations

import pytest

from opaska_gateway.care.alarm_kinds import (
    BY_REASON,
    FAULT_KINDS,
    OTHER,
    SIGNAL_KINDS,
    STILL_FALL,
    fault_word,
    rung_by,
    rung_kind,
    signal_kind,
)
from opaska_gateway.centre.profiles import load_profiles
from opaska_protocol import reports


@pytest.mark.parametrize(
    ("report_type", "alarm_kind", "word"),
    [
        (reports.ALARM, reports.SOS, "sos"),
        (reports.ALARM, reports.FALL, "fall"),
        (reports.ALARM, reports.POSSIBLE_FALL, "possible_fall"),
        (reports.ALARM, reports.STRAP, "strap"),
        (reports.ALARM, reports.ZONE_LEFT, "zone_left"),
        (reports.ALARM, reports.INACTIVE, "no_activity"),
        (reports.ALARM, reports.VITALS_LIMIT, "heart_rate"),
        (reports.ALARM, 99, "other"),
        (reports.ALARM, None, "other"),
        (reports.LAST_RINGING, None, "other"),
        (reports.ANNOUNCED_FALL, reports.FALL, "fall"),  # raised by the gateway
    ],
)
def test_an_alarm_of_any_kind_has_a_word(
    report_type: int, alarm_kind: int | None, word: str
) -> None:
    assert signal_kind(report_type, alarm_kind) == word


def test_every_word_is_known_to_every_profile() -> None:
    for profile in load_profiles().values():
        assert {*SIGNAL_KINDS.values(), *BY_REASON.values(), OTHER, STILL_FALL} <= set(profile)


def test_only_a_fall_is_worse_for_nobody_moving() -> None:
    assert signal_kind(reports.ALARM, reports.FALL, still=True) == "fall_no_movement"
    assert signal_kind(reports.ALARM, reports.SOS, still=True) == "sos"


@pytest.mark.parametrize(
    ("alarm_kind", "why", "word"),
    [
        (reports.STRAP, reports.WHY_TAKEN_OFF, "strap"),
        (reports.STRAP, reports.WHY_CUT, "strap_cut"),
        (reports.STRAP, 99, "strap"),
        (reports.VITALS_LIMIT, reports.WHY_PULSE_LOW, "heart_rate"),
        (reports.VITALS_LIMIT, reports.WHY_PULSE_HIGH, "heart_rate"),
        (reports.VITALS_LIMIT, reports.WHY_SPO2_LOW, "oxygen"),
        (reports.FALL, reports.HELD_ON, "fall"),  # whose reasons are numbered for themselves
        (99, reports.WHY_CUT, "other"),
    ],
)
def test_a_reason_counts_only_where_it_has_a_word(alarm_kind: int, why: int, word: str) -> None:
    assert signal_kind(reports.ALARM, alarm_kind, why) == word


def test_every_fault_of_the_wire_has_a_word_of_its_own() -> None:
    codes = range(reports.SETTINGS_BROKEN, reports.SIM_CARD + 1)
    assert list(FAULT_KINDS) == list(codes)
    assert len({fault_word(code) for code in codes}) == len(codes)
    assert fault_word(reports.BATTERY_LOW) == "battery low"


def test_a_fall_is_one_kind_whoever_raised_it() -> None:
    assert rung_kind(reports.ANNOUNCED_FALL, reports.FALL) == (reports.ALARM, reports.FALL)
    assert rung_kind(reports.LAST_RINGING, None) == (reports.LAST_RINGING, None)
    for type_, kind in [(reports.ALARM, reports.SOS), (reports.ALARM, reports.FALL), (40, None)]:
        assert all(rung_kind(one, kind) == (type_, kind) for one in rung_by(type_, kind))
