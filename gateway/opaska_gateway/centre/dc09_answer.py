# SPDX-License-Identifier: Apache-2.0
"""What a receiver's answer means for the frame that was sent. Rules only; nothing is sent here.

Only two answers let the wrist be told: an encrypted ACK to an encrypted frame with our sequence
number, our account and a fresh time; or a plain ACK to a plain frame on a path that is trusted.
DC-09 encrypts nothing of an answer but its time: whoever recorded one can give it another header
and play it again while that time is fresh. Only TLS or a VPN closes this gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opaska_gateway.centre.dc09 import Frame
    from opaska_gateway.centre.interface import Outcome

Meaning = Literal[
    "accepted",  # a yes we may rely on
    "accepted_plain",  # a yes over an unprotected path
    "unverified",  # a yes without the proof we asked for
    "nak",  # no: the frame's time or layout; carries the receiver's time
    "duh",  # no: understood, but the receiver cannot process it
    "unusable",  # an answer to something else, or none that can be read
    "silent",  # no answer
    "busy",  # nothing was asked: no line to the receiver became free
    "unsendable",  # nothing was asked: no frame can say this signal
]

OUTCOMES: dict[Meaning, Outcome] = {
    "accepted": "accepted",
    "accepted_plain": "accepted_plain",
    "unverified": "unverified",
    "nak": "refused",
    "duh": "refused",
    "unusable": "refused",
    "silent": "unreachable",
    "busy": "unreachable",
    "unsendable": "refused",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning, and a sentence for the operator."""

    meaning: Meaning
    detail: str
    receiver_time_ms: int | None = None  # in a NAK, if it told


@dataclass(frozen=True, slots=True)
class Trust:
    """What is needed to believe an answer."""

    plain: bool  # the path proves who answers (TLS, VPN): a plain ACK to a plain frame is enough
    now_ms: int  # our clock
    offset_ms: int  # the receiver's clock minus ours, as its last NAK told
    window_s: int  # between an answer's time and the receiver's clock; 0 = not checked
    tolerance_s: int  # between an answer's time and our clock


def judge(sent: Frame, answer: Frame, trust: Trust) -> Verdict:
    """What `answer` means for `sent`."""
    if answer.id == "NAK":
        return Verdict("nak", "it answered NAK: wrong time, or not understood", answer.time_ms)
    if answer.seq != sent.seq:
        return Verdict("unusable", f"it answered frame {answer.seq:04}, not {sent.seq:04}")
    if (answer.prefix, answer.account) != (sent.prefix, sent.account):
        return Verdict("unusable", f"it answered for L{answer.prefix}#{answer.account}")
    if answer.id == "DUH":
        return Verdict("duh", "it answered DUH: it cannot process this code")
    if answer.id != "ACK":
        return Verdict("unusable", f"it answered {answer.id}, which is neither yes nor no")
    if sent.encrypted:
        return _judge_encrypted(answer, trust)
    if trust.plain:
        return Verdict("accepted", "acknowledged")
    return Verdict(
        "accepted_plain",
        "acknowledged without encryption; set a key, or allow_plain = true on a protected path",
    )


def _judge_encrypted(answer: Frame, trust: Trust) -> Verdict:
    if not answer.encrypted or answer.time_ms is None:
        return Verdict(
            "unverified", "it answered an encrypted frame with a plain ACK; check its key settings"
        )
    off_ms = abs(answer.time_ms - trust.now_ms)
    off_theirs_ms = abs(answer.time_ms - trust.now_ms - trust.offset_ms)
    if trust.window_s and off_theirs_ms > trust.window_s * 1000:
        return Verdict(
            "unverified",
            f"the time in its ACK is {off_theirs_ms // 1000} s off, as in a recorded one; check "
            "its clock and ours, or widen ack_window_s",
        )
    if trust.window_s and off_ms > (trust.window_s + trust.tolerance_s) * 1000:
        return Verdict(
            "unverified",
            f"its clock is {off_ms // 1000} s off ours, too far to believe its ACK; set the "
            "clocks right, or widen clock_tolerance_s",
        )
    return Verdict("accepted", "acknowledged, encrypted")
