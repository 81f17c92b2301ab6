# SPDX-License-Identifier: Apache-2.0
"""Receivers that misbehave: bounded attempts, then the next path, and never a false ACCEPTED."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock
from opaska_gateway.centre.dc09 import Frame, crc16_arc, decode, encode, time_text
from opaska_gateway.centre.dc09_sender import EVENT_SEQS, event_seq
from opaska_gateway.centre.profiles import MAX_CODES
from tests.gateway.centre.peers import (
    CLOSE,
    KEY,
    KEYS,
    a_receiver,
    a_signal,
    centre_for,
    receiver_settings,
    siadc09_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIES = 2
AN_HOUR_AGO_MS = -3_600_000


@dataclass(frozen=True)
class Bad:
    """A receiver's habit, and what must come of it."""

    name: str
    answer: Callable[[bytes], bytes]
    outcome: str
    frames: int  # sent to it at most; one more may go out where a kept connection was closed
    says: str
    timeout_s: float = 2.0


def _ack(raw: bytes, **changes: object) -> Frame:
    asked = decode(raw, KEY)
    right = Frame("ACK", asked.seq, asked.account, time_ms=clock.now_ms(), encrypted=True)
    return replace(right, **changes)  # type: ignore[arg-type]


def _nak(time_ms: int | None) -> bytes:
    stamp = "" if time_ms is None else f"_{time_text(time_ms)}"
    body = f'"NAK"0000R0L0A0[]{stamp}'.encode()
    return b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)


def _old_ack(raw: bytes) -> bytes:
    """A recorded answer behind a header that fits."""
    return encode(_ack(raw, time_ms=clock.now_ms() + AN_HOUR_AGO_MS), KEY)


def _nak_then_old_ack() -> Callable[[bytes], bytes]:
    """It first turns our clock back, so that the recorded answer looks fresh."""
    seen: list[bytes] = []

    def answer(raw: bytes) -> bytes:
        seen.append(raw)
        return _nak(clock.now_ms() + AN_HOUR_AGO_MS) if len(seen) % 2 else _old_ack(raw)

    return answer


BAD = [
    Bad("NAK for ever", lambda _: _nak(clock.now_ms()), "refused", 3, "NAK"),
    Bad("NAK without time", lambda _: _nak(None), "refused", 3, "NAK"),
    Bad("NAK of the year 9999", lambda _: _nak(253_402_300_799_000), "refused", 3, "NAK"),
    Bad("NAK of the year 1970", lambda _: _nak(0), "refused", 3, "NAK"),
    Bad(
        "DUH for ever",
        lambda raw: encode(_ack(raw, id="DUH", time_ms=None, encrypted=False)),
        "refused",
        3,  # the profile's three codes, each once
        "DUH",
    ),
    Bad(
        "another account",
        lambda raw: encode(_ack(raw, account="FFFF"), KEY),
        "refused",
        RETRIES,
        "L0#FFFF",
    ),
    Bad(
        "another sequence number",
        lambda raw: encode(_ack(raw, seq=decode(raw, KEY).seq % 9999 + 1), KEY),
        "refused",
        RETRIES,
        "it answered frame",
    ),
    Bad(
        "plain ACK to an encrypted frame",
        lambda raw: encode(_ack(raw, encrypted=False)),
        "unverified",
        1,
        "plain ACK",
    ),
    Bad("recorded ACK", _old_ack, "unverified", 1, "3600 s off"),
    Bad("recorded ACK after a forged NAK", _nak_then_old_ack(), "unverified", 2, "too far"),
    Bad(
        "another key",
        lambda raw: encode(_ack(raw), KEYS[32]),
        "refused",
        RETRIES,
        "compare the key",
    ),
    Bad("an echo", lambda raw: raw, "refused", RETRIES, "neither yes nor no"),
    Bad("garbage", lambda _: b"HTTP/1.1 400 Bad Request\r\n", "refused", RETRIES, "not a DC-09"),
    Bad("a megabyte", lambda _: b"\n" + b"A" * 1_000_000, "refused", RETRIES, "longer than"),
    Bad("end of line", lambda _: b"\n\r", "refused", RETRIES, "not a DC-09 frame"),
    Bad("nothing", lambda _: b"", "unreachable", RETRIES, "no answer within", 0.5),
    Bad(
        "half a frame",
        lambda raw: encode(_ack(raw), KEY)[:40],
        "unreachable",
        RETRIES,
        "no answer within",
        0.5,
    ),
    Bad("hangs up", lambda _: CLOSE, "unreachable", RETRIES, "before its answer was complete"),
]


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
async def test_it_is_asked_a_bounded_number_of_times_and_the_next_path_is_taken(bad: Bad) -> None:
    async with a_receiver(bad.answer) as peer, a_receiver(siadc09_answer(KEY)) as good:
        main = receiver_settings(
            peer.port, key=KEY.hex(), timeout_s=bad.timeout_s, retries=RETRIES
        )
        backup = receiver_settings(good.port, key=KEY.hex(), name="backup")
        async with centre_for(main) as centre:
            delivery = await centre.deliver(a_signal())
            assert (delivery.outcome, delivery.receiver) == (bad.outcome, "main")
            assert bad.says in delivery.detail
            assert len(peer.raw) == bad.frames
            health = centre.health()[0]
            assert health.state in ("refusing", "down")
            assert bad.says in health.notice
        async with centre_for(main, backup) as centre:
            delivery = await centre.deliver(a_signal())
            assert (delivery.outcome, delivery.receiver) == ("accepted", "backup")
        assert len(peer.raw) == 2 * bad.frames


async def test_a_nak_of_1970_is_followed_so_that_the_alarm_gets_through_but_not_believed() -> None:
    """A receiver whose clock battery died still gets alarms; it must not tell the wrist."""
    dead_clock_ms = 86_400_000

    def answer(raw: bytes) -> bytes:
        asked = decode(raw, KEY)
        if abs((asked.time_ms or 0) - dead_clock_ms) > 40_000:
            return _nak(dead_clock_ms)
        return encode(_ack(raw, time_ms=dead_clock_ms), KEY)

    async with a_receiver(answer) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex())
        async with centre_for(settings) as centre:
            delivery = await centre.deliver(a_signal())
    assert delivery.outcome == "unverified"
    assert "clock_tolerance_s" in delivery.detail
    assert [frame.time_ms for frame in peer.frames(KEY)][1:] == [dead_clock_ms]


async def test_a_nonsense_time_in_a_nak_does_not_silence_the_path() -> None:
    now = [1_787_863_087_000]

    def now_ms() -> int:
        now[0] += 1000  # so that the year 9999 is over at once
        return now[0]

    async with a_receiver(lambda _: _nak(253_402_300_799_000)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex())
        async with centre_for(settings, now_ms=now_ms) as centre:
            for _ in range(2):
                assert "NAK" in (await centre.deliver(a_signal())).detail
    assert len(peer.raw) == 6


async def test_after_a_duh_the_next_code_of_the_profile_is_sent_once() -> None:
    def answer(raw: bytes) -> bytes:
        if "103" in decode(raw, KEY).data:
            return encode(_ack(raw, id="DUH", time_ms=None, encrypted=False))
        return encode(_ack(raw), KEY)

    async with a_receiver(answer) as peer:
        settings = receiver_settings(
            peer.port, key=KEY.hex(), protocol="ADM-CID", profile="dc05-2016"
        )
        async with centre_for(settings) as centre:
            assert (await centre.deliver(a_signal(kind="fall"))).outcome == "accepted"
            assert "103: it answered DUH" in centre.health()[0].notice
    assert [frame.data[8:12] for frame in peer.frames(KEY)] == ["1103", "1101"]
    first, second = peer.frames(KEY)
    assert second.seq == first.seq % 9999 + 1


async def test_a_repeat_keeps_its_sequence_number_and_gets_a_new_stamp() -> None:
    now = [1_787_863_087_000]

    def now_ms() -> int:
        now[0] += 1000
        return now[0]

    async with a_receiver(lambda _: CLOSE) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex(), retries=3)
        async with centre_for(settings, now_ms=now_ms) as centre:
            await centre.deliver(a_signal())
    frames = peer.frames(KEY)
    assert len({frame.seq for frame in frames}) == 1
    assert len({frame.time_ms for frame in frames}) == len({*peer.raw}) == 3


async def test_an_event_has_the_same_number_for_every_receiver_and_after_a_restart() -> None:
    """Killed between the receiver's yes and its record, the gateway sends the event again."""
    heard: list[Frame] = []
    async with a_receiver(siadc09_answer(KEY)) as first, a_receiver(siadc09_answer(KEY)) as second:
        for port in (first.port, first.port, second.port):
            async with centre_for(receiver_settings(port, key=KEY.hex())) as centre:
                await centre.deliver(a_signal(number=4711))
                await centre.deliver(a_signal(number=4712))
        heard = first.frames(KEY) + second.frames(KEY)
    assert len({frame.seq for frame in heard[0::2]}) == len({frame.seq for frame in heard[1::2]})
    assert len({frame.seq for frame in heard}) == 2


def test_numbers_stay_within_four_digits_and_meet_only_after_thousands_of_events() -> None:
    """Two codes of one event have two: a receiver may drop what it takes for a repeat."""
    numbers = [event_seq(event, code) for event in range(2_250) for code in range(MAX_CODES)]
    assert len(set(numbers)) == len(numbers)
    assert (min(numbers), max(numbers)) == (1, EVENT_SEQS)
    assert event_seq(2_250, 0) == event_seq(0, 0)
    assert 1 <= event_seq(2**62, MAX_CODES - 1) <= EVENT_SEQS


async def test_a_line_test_never_has_the_number_of_an_event() -> None:
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(
            peer.port, key=KEY.hex(), account="77AA", supervision="test", supervision_s=1
        )
        async with centre_for(settings) as centre:
            path = centre._paths[0]
            path._tests = 997  # type: ignore[attr-defined]
            for _ in range(3):
                assert (await path.test()).outcome == "accepted"
    assert [frame.seq for frame in peer.frames(KEY)] == [9999, 9001, 9002]
