# SPDX-License-Identifier: Apache-2.0
"""Monitoring centres that misbehave, behind a real gateway: bounded attempts, then the next path.

The case stays open and visible, and the wrist is not told what is not so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock
from opaska_gateway.centre.dc09 import Frame, crc16_arc, decode, encode, time_text
from opaska_protocol import answers
from opaska_tools.stage.receiver import Receiver
from opaska_tools.stage.registration import account_of
from opaska_tools.stage.stored import rows
from tests.gateway.centre.peers import a_receiver
from tests.support.command import opaska
from tests.support.until import until
from tests.support.world import world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.world import World

KEY = bytes(range(16))
ATTEMPTS = 2
RESTAMPS = 2  # more attempts after a NAK, which tells the receiver's clock
IMPATIENT = {"timeout_s": 0.3, "retries": ATTEMPTS}
ACCOUNT = account_of(0)
ANOTHER = "ABCDE"
OUTBOX = "SELECT outcome, done_ms IS NOT NULL, attempts, detail FROM outbox"


@dataclass(frozen=True)
class Address:
    """What a gateway's settings say about a receiver."""

    port: int
    key_hex: str = KEY.hex()
    settings: dict[str, int | float | str] = field(default_factory=lambda: dict(IMPATIENT))


def _ack(raw: bytes, **changes: Any) -> bytes:
    asked = decode(raw, KEY)
    right = Frame("ACK", asked.seq, asked.account, time_ms=clock.now_ms(), encrypted=True)
    return encode(replace(right, **changes), KEY)


def _nak(_: bytes) -> bytes:
    body = f'"NAK"0000R0L0A0[]_{time_text(clock.now_ms())}'.encode()
    return b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)


HABITS: dict[str, Callable[[bytes], bytes]] = {
    "naks_for_ever": _nak,
    "answers_for_another_account": lambda raw: _ack(raw, account=ANOTHER),
    "sends_half_a_frame": lambda raw: _ack(raw)[:-9],
    "says_nothing": lambda _: b"",
    "answers_in_the_clear": lambda raw: _ack(raw, encrypted=False, time_ms=None),
}


@pytest.mark.parametrize("habit", HABITS)
async def test_the_next_receiver_is_told_and_then_the_wrist(tmp_path: Path, habit: str) -> None:
    async with (
        a_receiver(HABITS[habit]) as bad,
        Receiver([ACCOUNT]) as good,
        world(tmp_path, "embedded", 1, [Address(bad.port), good]) as here,
    ):
        await _press(here)
        band = here.fleet.bands[0]
        await until(lambda: band.states == {1: answers.ACCEPTED}, "ACCEPTED on the wrist")
        assert 1 <= len(bad.raw) <= ATTEMPTS + RESTAMPS
        assert [(line.account, line.code) for line in good.log] == [(ACCOUNT, "QA")]
        assert [row[:3] for row in rows(here.gateway.database_file, OUTBOX)] == [
            ("accepted", 1, 1)
        ]


async def test_with_no_other_receiver_the_case_stays_open_and_visible(tmp_path: Path) -> None:
    habit_of = {account_of(number): habit for number, habit in enumerate(HABITS.values())}
    async with (
        a_receiver(lambda raw: habit_of[decode(raw, KEY).account](raw)) as bad,
        world(tmp_path, "embedded", len(HABITS), [Address(bad.port)]) as here,
    ):
        await _press(here)
        database_file = here.gateway.database_file
        await until(
            lambda: all(row[0] for row in rows(database_file, OUTBOX)), "every delivery has failed"
        )
        for outcome, done, attempts, detail in rows(database_file, OUTBOX):
            assert outcome in ("refused", "unreachable", "unverified")
            assert (done, attempts) == (0, 1)
            assert "receiver 1" in detail
        for account in habit_of:
            asked = [frame for frame in bad.frames(KEY) if frame.account == account]
            assert 1 <= len(asked) <= ATTEMPTS + RESTAMPS
        assert not any(band.states for band in here.fleet.bands), "a wrist was told"
        cases = json.loads(await opaska(here.gateway, "cases", "list", "--json"))
        assert [(case["state"], case["kinds"]) for case in cases] == [("ringing", ["sos"])] * len(
            HABITS
        )


async def _press(here: World) -> None:
    """Start the gateway and have every band send an SOS."""
    await here.gateway.start()
    await here.fleet.connected()
    for band in here.fleet.bands:
        band.report(urgent=True)
    await until(lambda: not here.fleet.waiting, "STORED on every wrist")
