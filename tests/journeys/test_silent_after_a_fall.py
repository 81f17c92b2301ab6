# SPDX-License-Identifier: Apache-2.0
"""A band announces a fall and is silent: the gateway tells the centre, once, whenever it dies.

Real gateway processes that are killed as by kill -9, and pysiaalarm as the centre.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway.care.fall import GRACE_MS
from opaska_protocol import answers, reports
from opaska_tools.stage.receiver import Receiver
from opaska_tools.stage.registration import account_of
from opaska_tools.stage.scene import FALL_CODE
from opaska_tools.stage.stored import rows
from tests.journeys.doom import Gap, doomed, set_flag
from tests.support.command import opaska
from tests.support.until import until
from tests.support.world import world

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.world import World

NEVER = Gap("after", 0)  # in no batch
PATIENCE_S = GRACE_MS / 1000 + 0.5
ANNOUNCED = 1  # seq
KILLS = {
    "in the countdown": ("none", "announced"),
    "within the raising": ("dies_raising", "announced"),
    "after the raising": ("dies_raised", "raised"),
}  # (how it dies, what stands in the database then)


@asynccontextmanager
async def _world(folder: Path) -> AsyncGenerator[tuple[World, Receiver]]:
    async with (
        Receiver([account_of(0)]) as centre,
        world(folder, "embedded", 1, [centre]) as here,
    ):
        yield here, centre


async def _announce(here: World, deadline_s: int = 0) -> None:
    """And wait until the gateway has it; three seconds later its patience ends."""
    await here.fleet.connected()
    band = here.fleet.bands[0]
    fields = {"uptime_ms": band.uptime_ms, "deadline_s": deadline_s}
    band.say(reports.encode_report(reports.ANNOUNCED_FALL, fields), urgent=True)
    assert await here.fleet.drain(10, 0.5)


def _cancel(here: World) -> None:
    band = here.fleet.bands[0]
    fields = {"uptime_ms": band.uptime_ms, "of_seq": ANNOUNCED, "reason": reports.BY_HAND}
    band.say(reports.encode_report(reports.FALL_CANCELLED, fields), urgent=True)


def _falls(here: World) -> list[tuple[Any, ...]]:
    return rows(here.gateway.database_file, "SELECT state, settled_by FROM announced_fall")


def _kept(here: World) -> tuple[int, ...]:
    """How many (cases, signals to the centre, duties of the clock) stand in the database."""
    query = (
        "SELECT (SELECT count(*) FROM care_case), (SELECT count(*) FROM outbox),"
        " (SELECT count(*) FROM event WHERE kind = 'duty')"
    )
    return rows(here.gateway.database_file, query)[0]


@pytest.mark.parametrize("when", KILLS)
async def test_a_gateway_killed_around_the_deadline_raises_the_fall_once(
    tmp_path: Path, when: str
) -> None:
    bug, state = KILLS[when]
    async with _world(tmp_path) as (here, centre):
        await here.gateway.spawn(command=doomed(NEVER, bug))
        await here.gateway.ready()
        set_flag(here, "die_raising", True)
        await _announce(here)
        assert here.gateway.child is not None
        if bug == "none":
            await here.gateway.kill()
        else:
            await here.gateway.child.ended(15)
            await here.gateway.stop()
        assert [fall[0] for fall in _falls(here)] == [state]
        assert centre.log == []
        assert _kept(here) == ((1, 1, 1) if state == "raised" else (0, 0, 0))

        await here.gateway.start()
        await centre.wait_for(account_of(0), FALL_CODE, 20)
        band = here.fleet.bands[0]
        await here.fleet.connected()
        band.report()  # a heartbeat: the broker died as well, and with it what it had for the band
        await until(lambda: band.states.get(ANNOUNCED) == answers.ACCEPTED, "ACCEPTED")
        assert _falls(here) == [("raised", "gateway")]
        assert _kept(here) == (1, 1, 1)
        assert len(centre.log) == 1


async def test_a_cancel_made_while_the_gateway_was_down_is_heard_before_anything_is_raised(
    tmp_path: Path,
) -> None:
    async with _world(tmp_path) as (here, centre):
        await here.gateway.start()
        await _announce(here)
        await here.gateway.kill()
        _cancel(here)
        await asyncio.sleep(PATIENCE_S)
        await here.gateway.start()
        assert await here.fleet.drain(10, 0.5)
        await _announce(here)  # another one, so that the first would be raised before it
        await centre.wait_for(account_of(0), FALL_CODE, 20)
        assert _falls(here) == [("cancelled", "by_hand"), ("raised", "gateway")]
        assert len(centre.log) == 1


async def test_a_cancelled_fall_reaches_nobody_and_is_listed(tmp_path: Path) -> None:
    async with _world(tmp_path) as (here, centre):
        await here.gateway.start()
        await _announce(here)
        _cancel(here)
        assert await here.fleet.drain(10, 0.5)
        await _announce(here)  # a later one, so that the first deadline has passed with it
        await centre.wait_for(account_of(0), FALL_CODE, 20)
        later, first = json.loads(await opaska(here.gateway, "cases", "falls", "--json"))
        assert (first["seq"], first["state"], first["settled_by"]) == (1, "cancelled", "by_hand")
        assert (later["seq"], later["state"], later["settled_by"]) == (3, "raised", "gateway")
        assert later["case"] is not None
        assert _kept(here) == (1, 1, 1)
        assert len(centre.log) == 1
