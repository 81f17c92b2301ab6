# SPDX-License-Identifier: Apache-2.0
"""Line tests: a dead path is known before an alarm needs it, and used again when it is back."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opaska_gateway.centre.dc09 import Frame, decode, encode
from tests.gateway.centre.peers import (
    CLOSE,
    KEY,
    a_receiver,
    a_signal,
    centre_for,
    receiver_settings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import pytest

    from opaska_gateway.centre import Centre

OWN = "77AA"  # the gateway's own account


@asynccontextmanager
async def _running(centre: Centre) -> AsyncGenerator[None]:
    task = asyncio.create_task(centre.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def _eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the receiver has no event for it
            await asyncio.sleep(0.01)


async def test_line_tests_are_sent_in_their_period_which_frames_of_the_account_restart() -> None:
    heard: list[tuple[str, str, float]] = []

    def answer(raw: bytes) -> bytes:
        frame = decode(raw, KEY)
        heard.append((frame.id, frame.account, asyncio.get_running_loop().time()))
        return encode(
            Frame("ACK", frame.seq, frame.account, time_ms=frame.time_ms, encrypted=True), KEY
        )

    async with a_receiver(answer) as peer:
        settings = receiver_settings(
            peer.port, key=KEY.hex(), account=OWN, supervision="null", supervision_s=1
        )
        async with centre_for(settings) as centre, _running(centre):
            await _eventually(lambda: len(heard) == 1)  # at once
            await asyncio.sleep(0.2)
            await centre.deliver(a_signal(account=OWN))  # restarts the period
            async with asyncio.timeout(10):
                while sum(row[0] == "NULL" for row in heard) < 3:
                    await centre.deliver(a_signal(account="1234"))  # does not
                    await asyncio.sleep(0.1)
    own = [row for row in heard if row[1] == OWN]
    assert [row[0] for row in own] == ["NULL", "SIA-DCS", "NULL", "NULL"]
    assert own[2][2] - own[1][2] > 0.95
    assert own[3][2] - own[2][2] > 0.95


async def test_a_path_that_is_silent_is_avoided_before_the_first_alarm_and_used_when_back() -> (
    None
):
    alive = False

    def answer(raw: bytes) -> bytes:
        frame = decode(raw)
        return encode(Frame("ACK", frame.seq, frame.account)) if alive else b""

    async with a_receiver(answer) as first, a_receiver(_yes) as second:
        main = receiver_settings(
            first.port,
            account=OWN,
            supervision="test",
            supervision_s=1,
            timeout_s=0.1,
            allow_plain=True,
        )
        backup = receiver_settings(second.port, name="backup", allow_plain=True)
        async with centre_for(main, backup) as centre, _running(centre):
            await _eventually(lambda: centre.health()[0].state == "down")
            assert (await centre.deliver(a_signal())).receiver == "backup"
            assert {frame.data[-3:] for frame in first.frames()} == {"RP0"}
            alive = True
            await _eventually(lambda: centre.health()[0].state == "up")
            assert (await centre.deliver(a_signal())).receiver == "main"


def _yes(raw: bytes) -> bytes:
    frame = decode(raw)
    return encode(Frame("ACK", frame.seq, frame.account))


async def test_the_same_problem_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_receiver(lambda _: b"x") as peer:
        settings = receiver_settings(peer.port, account=OWN, supervision="null", supervision_s=1)
        async with centre_for(settings) as centre, _running(centre):
            await _eventually(lambda: len(peer.raw) == 2)
            assert centre.health()[0].state == "down"
    assert capsys.readouterr().out.count("centre_unusable") == 1


async def test_a_receiver_that_is_away_again_is_told_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second time may be a month later, and for the same reason."""
    alive = False
    async with a_receiver(lambda raw: _yes(raw) if alive else CLOSE) as peer:
        settings = receiver_settings(peer.port, account=OWN, allow_plain=True)
        async with centre_for(settings) as centre:
            for alive in (False, False, True, True, False, True):
                assert (await centre._paths[0].test()).arrived == alive
    told = re.findall(r"centre_\w+", capsys.readouterr().out)
    assert told == ["centre_silent", "centre_answers_again"] * 2


async def test_without_supervision_run_waits_for_its_end() -> None:
    async with a_receiver(_yes) as peer:
        async with centre_for(receiver_settings(peer.port)) as centre, _running(centre):
            await asyncio.sleep(0.05)
            assert centre.health()[0].state == "unknown"
        assert peer.connections == 0
