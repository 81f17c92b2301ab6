# SPDX-License-Identifier: Apache-2.0
"""Judging answers: only a proven yes counts as accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opaska_gateway.centre.dc09 import Frame
from opaska_gateway.centre.dc09_answer import OUTCOMES, Trust, judge

NOW_MS = 1_787_863_087_000
PLAIN = Frame("SIA-DCS", 17, "1409", "x", time_ms=NOW_MS)
SEALED = replace(PLAIN, encrypted=True)
ACK = Frame("ACK", 17, "1409")
SEALED_ACK = replace(ACK, encrypted=True, time_ms=NOW_MS)
NAK = Frame("NAK", 0, "", time_ms=NOW_MS)
TRUST = Trust(plain=False, now_ms=NOW_MS, offset_ms=0, window_s=40, tolerance_s=900)
VPN = replace(TRUST, plain=True)


def _late(seconds: int) -> Frame:
    return replace(SEALED_ACK, time_ms=NOW_MS + seconds * 1000)


def _offset(seconds: int) -> Trust:
    return replace(TRUST, offset_ms=seconds * 1000)


MEANINGS = [
    ("encrypted ACK", SEALED, SEALED_ACK, TRUST, "accepted"),
    ("plain ACK", PLAIN, ACK, TRUST, "accepted_plain"),
    ("plain ACK on a trusted path", PLAIN, ACK, VPN, "accepted"),
    ("plain ACK to an encrypted frame", SEALED, ACK, TRUST, "unverified"),
    ("the same on a trusted path", SEALED, ACK, VPN, "unverified"),
    ("another sequence number", SEALED, replace(SEALED_ACK, seq=18), TRUST, "unusable"),
    ("another account", SEALED, replace(SEALED_ACK, account="140"), TRUST, "unusable"),
    ("another prefix", SEALED, replace(SEALED_ACK, prefix="1"), TRUST, "unusable"),
    ("ACK of a minute ago", SEALED, _late(-41), TRUST, "unverified"),
    ("ACK of the future", SEALED, _late(41), TRUST, "unverified"),
    ("ACK within the window", SEALED, _late(-40), TRUST, "accepted"),
    ("receiver's clock known to differ", SEALED, _late(-600), _offset(-610), "accepted"),
    ("its clock taught by a forged NAK", SEALED, _late(-9000), _offset(-9000), "unverified"),
    ("times not checked", SEALED, _late(-9000), replace(TRUST, window_s=0), "accepted"),
    ("DUH", SEALED, replace(ACK, id="DUH"), TRUST, "duh"),
    ("DUH for another", SEALED, replace(ACK, id="DUH", seq=1), TRUST, "unusable"),
    ("NAK", SEALED, NAK, TRUST, "nak"),
    ("NAK in the clear", PLAIN, NAK, VPN, "nak"),
    ("RSP", SEALED, replace(SEALED_ACK, id="RSP"), TRUST, "unusable"),
    ("an echo", SEALED, SEALED, TRUST, "unusable"),
]


@pytest.mark.parametrize(
    ("sent", "answer", "trust", "meaning"),
    [row[1:] for row in MEANINGS],
    ids=[row[0] for row in MEANINGS],
)
def test_only_a_proven_yes_is_accepted(
    sent: Frame, answer: Frame, trust: Trust, meaning: str
) -> None:
    verdict = judge(sent, answer, trust)
    assert verdict.meaning == meaning
    assert verdict.detail
    assert (OUTCOMES[verdict.meaning] == "accepted") == (meaning == "accepted")
