# SPDX-License-Identifier: Apache-2.0
"""Random and mutated answers: every one is read or refused by name, and none counts as a yes."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.centre.dc09 import Frame, crc16_arc, decode, encode
from opaska_gateway.centre.dc09_answer import Trust, judge
from opaska_gateway.centre.errors import FRAME_REASONS, FrameError
from tests.gateway.centre.peers import ACCOUNT, KEY

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWERS = 100_000  # per run of `make test`
NOW_MS = 1_787_863_087_000
SENT = Frame("SIA-DCS", 17, ACCOUNT, "x", time_ms=NOW_MS, encrypted=True)
TRUST = Trust(plain=False, now_ms=NOW_MS, offset_ms=0, window_s=40, tolerance_s=900)
YES = encode(Frame("ACK", 17, ACCOUNT, time_ms=NOW_MS, encrypted=True), KEY, lambda n: b"0" * n)
SEEDS = [
    YES,
    encode(Frame("ACK", 17, ACCOUNT)),
    encode(Frame("DUH", 17, ACCOUNT, prefix="12", receiver="AB")),
    encode(Frame("RSP", 17, ACCOUNT, xdata=("K00",), time_ms=NOW_MS, encrypted=True), KEY),
    b'\n6B7B0027"NAK"0000R0L0A0[]_20:38:07,08-27-2026\r',
]
ALPHABET = b'\n\r"*[]|#_ALR0123456789ABCDEFKN:,-\x00\xff'


def _random_bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(80))


def _random_words(chance: random.Random) -> bytes:
    return bytes(chance.choices(ALPHABET, k=chance.randrange(100)))


def _flipped(chance: random.Random) -> bytes:
    raw = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(raw)


def _cut_and_joined(chance: random.Random) -> bytes:
    one, other = chance.choices(SEEDS, k=2)
    return one[: chance.randrange(len(one) + 1)] + other[chance.randrange(len(other)) :]


def _wrapped(chance: random.Random) -> bytes:
    """Damaged inside, but with the right length and checksum: it reaches the inner parts."""
    make = chance.choice((_random_words, _flipped, _cut_and_joined))
    body = b'"' + make(chance)[10:-1]
    return b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)


MAKERS: tuple[Callable[[random.Random], bytes], ...] = (
    _random_bytes,
    _random_words,
    _flipped,
    _cut_and_joined,
    _wrapped,
    _wrapped,
)


def _outcome(raw: bytes) -> str:
    try:
        answer = decode(raw, KEY)
    except FrameError as error:
        return error.reason
    return judge(SENT, answer, TRUST).meaning


def _proof(raw: bytes) -> tuple[object, ...]:
    """What makes an answer a yes. DC-09 has no MAC, so the seconds in it can be bent a little."""
    answer = decode(raw, KEY)
    assert abs((answer.time_ms or 0) - NOW_MS) <= TRUST.window_s * 1000
    return answer.id, answer.seq, answer.prefix, answer.account, answer.encrypted


@pytest.mark.fuzz
def test_a_random_answer_is_refused_by_name_and_never_a_yes(effort: int) -> None:
    chance = random.Random(20260)
    seen: Counter[str] = Counter()
    for index in range(ANSWERS * effort):
        raw = MAKERS[index % len(MAKERS)](chance)
        outcome = _outcome(raw)
        seen[outcome] += 1
        if outcome == "accepted":  # it was made with our key, for this frame, now
            assert _proof(raw) == _proof(YES)
    assert set(seen) <= FRAME_REASONS.keys() | {"accepted", "unverified", "nak", "duh", "unusable"}
    assert set(seen) >= {  # the inner parts were reached
        "bad_envelope", "bad_length", "bad_crc", "bad_header", "bad_cipher", "wrong_key",
        "bad_content", "unverified", "nak", "duh", "unusable",
    }  # fmt: skip


def test_every_single_bit_flip_of_a_yes_is_refused() -> None:
    assert _outcome(YES) == "accepted"
    for bit in range(len(YES) * 8):
        raw = bytearray(YES)
        raw[bit // 8] ^= 1 << bit % 8
        if bytes(raw).upper() != YES:  # hex digits may be small letters
            assert _outcome(bytes(raw)) != "accepted"
