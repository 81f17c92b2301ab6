# SPDX-License-Identifier: Apache-2.0
"""Several receivers and many signals: order is kept, and nobody waits long for a dead path."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import uvloop

from opaska_gateway.centre import dc09_sender, supervision
from opaska_gateway.centre.dc09 import Frame, crc16_arc, decode, encode
from tests.gateway.centre.peers import (
    CLOSE,
    KEY,
    Receiver,
    a_receiver,
    a_signal,
    centre_for,
    pysiaalarm,
    receiver_settings,
    siadc09_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _ack(raw: bytes) -> bytes:
    asked = decode(raw)
    return encode(Frame("ACK", asked.seq, asked.account))


def _silence(_: bytes) -> bytes:
    return b""


async def _eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.005)


async def _free_port() -> int:
    async with a_receiver(_ack) as peer:
        return peer.port


async def test_without_a_receiver_the_operator_is_told_what_to_add() -> None:
    async with centre_for() as centre:
        delivery = await centre.deliver(a_signal())
    assert (delivery.outcome, delivery.receiver) == ("unreachable", "")
    assert "[[centre.receiver]]" in delivery.detail


async def test_a_dead_path_costs_one_signal_its_attempts_and_the_next_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_receiver(_silence) as dead, a_receiver(_ack) as good:
        main = receiver_settings(dead.port, timeout_s=0.1)
        backup = receiver_settings(good.port, name="backup", allow_plain=True)
        async with centre_for(main, backup) as centre:
            assert (await centre.deliver(a_signal())).receiver == "backup"
            assert [health.state for health in centre.health()] == ["down", "up"]
            assert (await centre.deliver(a_signal())).receiver == "backup"
            assert len(dead.raw) == 3
            monkeypatch.setattr(dc09_sender, "AVOID_S", 0.0)  # its minute is over
            assert (await centre.deliver(a_signal())).receiver == "backup"
            assert len(dead.raw) == 6


async def test_all_paths_are_tried_and_each_says_why_it_failed() -> None:
    async with a_receiver(lambda _: CLOSE) as rude:
        receivers = (
            receiver_settings(await _free_port(), retries=1),
            receiver_settings(rude.port, name="backup", retries=1),
        )
        async with centre_for(*receivers) as centre:
            delivery = await centre.deliver(a_signal())
    assert delivery.outcome == "unreachable"
    assert "main: 127.0.0.1" in delivery.detail
    assert "cannot be reached" in delivery.detail
    assert "backup: it closed the connection" in delivery.detail


@pytest.mark.parametrize("host", ["receiver..example", "r" * 64 + ".example"])
async def test_a_host_that_is_no_name_at_all_is_a_dead_path_like_any_other(host: str) -> None:
    async with a_receiver(_ack) as good:
        wrong = receiver_settings(
            1, host=host, retries=1, account="77AA", supervision="null", supervision_s=1
        )
        backup = receiver_settings(good.port, name="backup", allow_plain=True)
        async with centre_for(wrong, backup) as centre:
            testing = asyncio.create_task(centre.run())
            assert (await centre.deliver(a_signal())).receiver == "backup"
            await _eventually(lambda: centre.health()[0].state == "down")
            assert "cannot be reached" in centre.health()[0].notice
            assert not testing.done()
            testing.cancel()
            await asyncio.wait([testing])


async def test_an_error_of_ours_on_one_path_keeps_no_alarm_from_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_: object) -> None:
        raise ValueError("planted")

    async with a_receiver(_ack) as good:
        main = receiver_settings(good.port)
        backup = receiver_settings(good.port, name="backup", allow_plain=True)
        async with centre_for(main, backup) as centre:
            monkeypatch.setattr(centre._paths[0], "send", broken)
            assert (await centre.deliver(a_signal())).receiver == "backup"
        async with centre_for(main) as centre:
            monkeypatch.setattr(centre._paths[0], "send", broken)
            delivery = await centre.deliver(a_signal())
    assert (delivery.outcome, delivery.receiver) == ("unreachable", "main")
    assert "planted" in delivery.detail


async def test_an_error_of_ours_in_a_line_test_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tests = 0

    async def broken() -> None:
        nonlocal tests
        tests += 1
        raise ValueError("planted")

    monkeypatch.setattr(supervision, "RETEST_S", 0.01)
    settings = receiver_settings(1, account="77AA", supervision="null", supervision_s=1)
    async with centre_for(settings) as centre:
        monkeypatch.setattr(centre._paths[0], "test", broken)
        testing = asyncio.create_task(centre.run())
        await _eventually(lambda: tests > 2)
        testing.cancel()
        await asyncio.wait([testing])
        assert testing.cancelled()


async def test_fifty_people_do_not_wait_for_a_receiver_that_swallows_everything() -> None:
    async with a_receiver(_silence) as dead, a_receiver(_ack) as good:
        main = receiver_settings(dead.port, timeout_s=0.5)
        backup = receiver_settings(good.port, name="backup", allow_plain=True)
        async with centre_for(main, backup) as centre:
            start = time.monotonic()
            deliveries = await asyncio.gather(
                *(centre.deliver(a_signal(account=f"A{index:03}")) for index in range(50))
            )
            assert {delivery.outcome for delivery in deliveries} == {"accepted"}
            assert time.monotonic() - start < 8  # one after the other on 4 lines: 26 s
            swallowed = len(dead.raw)
            await centre.deliver(a_signal())
            assert len(dead.raw) == swallowed
    assert len(good.raw) == 51


async def test_an_sos_does_not_queue_behind_a_flood_of_troubles() -> None:
    async with a_receiver(_ack, after_s=0.05) as peer:
        settings = receiver_settings(peer.port, allow_plain=True, timeout_s=1)
        async with centre_for(settings) as centre:
            flood = [
                asyncio.create_task(
                    centre.deliver(a_signal(kind="band_silent", account=f"A{index:03}"))
                )
                for index in range(300)
            ]
            await _eventually(lambda: len(peer.raw) == 3)
            sent = len(peer.raw)
            assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert len(peer.raw) - sent < 20
            outcomes = {delivery.outcome for delivery in await asyncio.gather(*flood)}
            assert outcomes == {"accepted", "unreachable"}  # the outbox tries those again
            assert centre.health()[0].state == "up"
            assert "raise connections" in centre.health()[0].notice


async def test_a_signal_waits_for_an_earlier_one_of_its_account_but_not_for_long() -> None:
    async with a_receiver(_ack, after_s=0.3) as peer:
        settings = receiver_settings(peer.port, allow_plain=True)
        async with centre_for(settings, patience_s=5) as centre:
            await asyncio.gather(*(centre.deliver(a_signal(zone=zone)) for zone in (1, 2)))
            assert peer.most_at_once == 1
        async with centre_for(settings, patience_s=0.05) as centre:
            await asyncio.gather(*(centre.deliver(a_signal(zone=zone)) for zone in (1, 2)))
            assert peer.most_at_once == 2
    assert [frame.data[-1] for frame in peer.frames()] == ["1", "2", "1", "2"]


async def test_a_cancelled_delivery_does_not_hold_up_the_next() -> None:
    async with a_receiver(_silence) as dead:
        settings = receiver_settings(dead.port, timeout_s=30, retries=1)
        async with centre_for(settings, patience_s=30) as centre:
            task = asyncio.create_task(centre.deliver(a_signal()))
            second = asyncio.create_task(centre.deliver(a_signal()))
            await _eventually(lambda: len(dead.raw) == 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _eventually(lambda: len(dead.raw) == 2)
            second.cancel()
            await asyncio.wait([second])
            assert centre._latest == {}


async def test_a_signal_that_no_frame_can_say_blames_no_receiver() -> None:
    async with a_receiver(_ack) as peer:
        settings = receiver_settings(peer.port, allow_plain=True)
        async with centre_for(settings) as centre:
            delivery = await centre.deliver(a_signal(account="ZZ"))
            assert delivery.outcome == "refused"
            assert "'ZZ' cannot be the account" in delivery.detail
            assert centre.health()[0].state == "unknown"
            assert (await centre.deliver(a_signal())).outcome == "accepted"
    assert len(peer.raw) == 1


async def test_a_path_never_takes_longer_than_announced() -> None:
    """For each of three codes twice NAK and then DUH, each time just before the time-out."""
    answers = 0

    def excuse(raw: bytes) -> bytes:
        nonlocal answers
        answers += 1
        asked = decode(raw)
        if answers % 3:
            body = b'"NAK"0000R0L0A0[]'
            return b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)
        return encode(Frame("DUH", asked.seq, asked.account))

    async with a_receiver(excuse, after_s=0.19) as peer:
        settings = receiver_settings(peer.port, timeout_s=0.25, retries=1)
        assert settings.longest_s < 9 * 0.19
        async with centre_for(settings) as centre:
            assert (await centre.deliver(a_signal())).outcome != "accepted"
    assert len(peer.raw) < 9


async def test_a_connection_is_kept_for_the_next_frame_and_not_for_ever() -> None:
    async with a_receiver(_ack) as peer:
        kept = receiver_settings(peer.port, allow_plain=True, keep_open_s=1)
        async with centre_for(kept) as centre:
            for _ in range(5):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert (peer.connections, peer.talking) == (1, 1)
            await _eventually(lambda: peer.talking == 0)
            assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert peer.connections == 2
        single = receiver_settings(peer.port, allow_plain=True, keep_open_s=0)
        async with centre_for(single) as centre:
            for _ in range(5):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert peer.connections == 7


async def test_a_kept_connection_that_the_receiver_closed_costs_no_attempt() -> None:
    """It answers the first frame of a connection, and hangs up when a second one comes."""
    peers: list[Receiver] = []
    answered: set[int] = set()

    def once_each(raw: bytes) -> bytes:
        if peers[0].connections in answered:
            return CLOSE
        answered.add(peers[0].connections)
        return _ack(raw)

    async with a_receiver(once_each) as peer:
        peers.append(peer)
        settings = receiver_settings(peer.port, allow_plain=True, retries=1)
        async with centre_for(settings) as centre:
            for _ in range(3):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert centre.health()[0].notice == ""
    assert (peer.connections, len(peer.raw)) == (3, 5)


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    """It answers twice; the second answer must not meet the next frame."""

    def twice(raw: bytes) -> bytes:
        return _ack(raw) * 2

    async with a_receiver(twice) as peer:
        settings = receiver_settings(peer.port, allow_plain=True)
        async with centre_for(settings) as centre:
            for _ in range(3):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert (len(peer.raw), peer.connections) == (3, 3)
            assert centre.health()[0].notice == ""


async def test_what_comes_while_nothing_was_asked_ends_the_connection() -> None:
    async with a_receiver(_ack, again_after_s=0.05) as peer:
        settings = receiver_settings(peer.port, allow_plain=True)
        async with centre_for(settings) as centre:
            for count in (1, 2, 3):
                assert (await centre.deliver(a_signal())).outcome == "accepted"
                await _eventually(lambda: peer.talking == 0)
                assert peer.connections == count
            assert centre.health()[0].notice == ""


async def test_a_greeting_is_no_answer() -> None:
    async with a_receiver(_silence, greeting=encode(Frame("ACK", 2, "1409AB"))) as peer:
        settings = receiver_settings(peer.port, allow_plain=True, timeout_s=0.1, retries=2)
        async with centre_for(settings) as centre:
            delivery = await centre.deliver(a_signal(number=0))  # frame 0001
    assert not delivery.arrived


def test_it_works_on_uvloop_too() -> None:
    async def journey() -> list[str]:
        outcomes: list[str] = []
        async with a_receiver(siadc09_answer(KEY)) as peer, pysiaalarm(KEY, udp=True) as udp:
            tcp_settings = receiver_settings(peer.port, key=KEY.hex())
            udp_settings = receiver_settings(udp.port, key=KEY.hex(), transport="udp")
            for settings in (tcp_settings, udp_settings, receiver_settings(1, retries=1)):
                async with centre_for(settings) as centre:
                    outcomes.append((await centre.deliver(a_signal())).outcome)
        return outcomes

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(journey()) == ["accepted", "accepted", "unreachable"]
