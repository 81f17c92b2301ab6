# SPDX-License-Identifier: Apache-2.0
"""After a day without the monitoring centre: hundreds of alarms wait, and people press anew."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock
from opaska_gateway.centre.interface import Delivery
from opaska_gateway.database import outbox
from opaska_gateway.watch import forward_outbox
from opaska_gateway.watch.forward_outbox import HANDS
from tests.gateway.watch.forwarding import forwarding
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring
from tests.support.until import until

if TYPE_CHECKING:
    from opaska_gateway.centre.interface import Signal
    from tests.support.gateway_core import Core

FULL = sqlite3.OperationalError("database or disk is full")
FULL.sqlite_errorcode = sqlite3.SQLITE_FULL
AT_ONCE = HANDS[outbox.CENTRE]
WAITING = 2 * AT_ONCE


class ReturningCentre:
    """Is away, and then so slow that it has not answered anything yet."""

    longest_s = 30.0

    def __init__(self) -> None:
        self.is_away = True
        self.heard: list[str] = []  # accounts
        self.may_answer = asyncio.Event()

    async def deliver(self, signal: Signal) -> Delivery:
        if self.is_away:
            return Delivery("unreachable", "main", "no answer")
        self.heard.append(signal.account)
        await self.may_answer.wait()
        return Delivery("accepted", "main", "at last")


async def test_a_new_alarm_does_not_queue_behind_those_of_a_day_without_the_centre(
    heart: Core,
) -> None:
    bands = [await heart.add_band(account=f"{n:04X}") for n in range(WAITING)]
    wearer = await heart.add_band(account="AAAA")
    centre = ReturningCentre()
    async with forwarding(heart, centre):
        await bring(heart, *((band, band.sos()) for band in bands))
        failed = heart.context.counters
        await until(lambda: failed["delivery.unreachable"] == WAITING, "all were tried in vain")
    centre.is_away = False
    with clock.driven_by(Later(86_400_000)):
        async with forwarding(heart, centre):
            await until(lambda: centre.heard, "the old ones are on their way")
            await bring(heart, (wearer, wearer.sos()))
            await until(lambda: "AAAA" in centre.heard, "the new one is on its way beside them")
            assert len(centre.heard) < AT_ONCE
            centre.may_answer.set()
            await until(lambda: len(centre.heard) == WAITING + 1, "and none is forgotten")


async def test_a_database_that_is_away_for_hours_is_one_line_in_the_log_and_not_one_a_second(
    heart: Core, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(forward_outbox, "SICK_PAUSE_S", 0.001)
    attempts = 0

    async def away(_: object) -> None:
        nonlocal attempts
        attempts += 1
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(heart.database, "transact", away)
        async with forwarding(heart, ReturningCentre()):
            await until(lambda: attempts > 20, "it tries again and again")
            patch.undo()
            band = await heart.add_band()
            await bring(heart, (band, band.sos()))
            unreachable = heart.context.counters
            await until(lambda: unreachable["delivery.unreachable"], "it goes on by itself")
    said = capsys.readouterr().out
    assert said.count("forwarding_waits") == 1
    assert said.count("forwarding_goes_on") == 1
