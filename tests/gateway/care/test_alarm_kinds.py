# SPDX-License-Identifier: Apache-2.0
"""Every alarm has a word at the centre, also one that this gateway does not know."""

from __future__ import annotations

import pytest

from opaska_gateway.care.alarm_kinds import OTHER, SIGNAL_KINDS, signal_kind
from opaska_gateway.centre.profiles import load_profiles
from opaska_protocol import reports


@pytest.mark.parametrize(
    ("report_type", "alarm_kind", "word"),
    [
        (reports.ALARM, reports.SOS, "sos"),
        (reports.ALARM, reports.FALL, "fall"),
        (reports.ALARM, reports.POSSIBLE_FALL, "possible_fall"),
        (reports.ALARM, reports.STRAP, "strap"),
        (reports.ALARM, 99, "other"),
        (reports.ALARM, None, "other"),
        (reports.LAST_RINGING, None, "other"),
    ],
)
def test_an_alarm_of_any_kind_has_a_word(
    report_type: int, alarm_kind: int | None, word: str
) -> None:
    assert signal_kind(report_type, alarm_kind) == word


def test_every_word_is_known_to_every_profile() -> None:
    for profile in load_profiles().values():
        assert {*SIGNAL_KINDS.values(), OTHER} <= set(profile)
