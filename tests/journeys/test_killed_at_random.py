# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load: every accepted alarm is stored once and forwarded.

The load never stops: while the gateway is dead, bands go on accepting reports and keep them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from opaska_tools.stage.child import ChildEnded
from opaska_tools.stage.receiver import Receiver
from opaska_tools.stage.registration import account_of
from tests.support.promises import check_all, check_answered, check_forwarded
from tests.support.requirements import requires_program
from tests.support.until import until
from tests.support.world import world

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.soak

KILLS = 10  # times the effort
BANDS = 25
REPORT_EVERY_S = 0.03  # over all bands
ALARM_SHARE = 0.2
MOST_WAITING = 100  # what the embedded broker hands over in the short life of a gateway
RESEND_AFTER_S = 2.0
DRAIN_S = 60.0
STARTS_S = 0.6  # what a forked gateway takes to be ready, see tests/support/nursery.py
FORWARD_S = 60.0
# A lease on an alarm outlives the longest delivery; short, so that the test sees it run out.
RECEIVER = {"timeout_s": 1.0, "retries": 1}


async def test_gateway_with_its_embedded_broker_is_killed(
    tmp_path: Path, chance: random.Random, effort: int
) -> None:
    async with receiver() as centre, world(tmp_path, "embedded", BANDS, [centre]) as here:
        await _survives(here, centre, chance, KILLS * effort, ["gateway"])


@requires_program("mosquitto")
async def test_gateway_is_killed(tmp_path: Path, chance: random.Random, effort: int) -> None:
    async with receiver() as centre, world(tmp_path, "mosquitto", BANDS, [centre]) as here:
        await _survives(here, centre, chance, KILLS * effort, ["gateway"])


@requires_program("mosquitto")
async def test_gateway_and_broker_are_killed(
    tmp_path: Path, chance: random.Random, effort: int
) -> None:
    async with receiver() as centre, world(tmp_path, "mosquitto", BANDS, [centre]) as here:
        victims = ["gateway", "broker", "both"]
        await _survives(here, centre, chance, KILLS * effort, victims)


@contextlib.asynccontextmanager
async def receiver() -> AsyncGenerator[Receiver]:
    """A monitoring centre that knows every wearer."""
    accounts = [account_of(number) for number in range(BANDS)]
    async with Receiver(accounts, settings=RECEIVER) as centre:
        yield centre


async def _survives(
    here: World, centre: Receiver, chance: random.Random, kills: int, victims: list[str]
) -> None:
    await here.gateway.start()
    await here.fleet.connected()
    load = asyncio.create_task(_load(here, chance))
    for _ in range(kills):
        await _kill(here, chance, chance.choice(victims))
    load.cancel()
    assert await here.fleet.drain(DRAIN_S, RESEND_AFTER_S), "reports stay unanswered"
    check_all(here.fleet, here.gateway.database_file, here.watch)
    await _forwarded(here, centre)
    print(  # noqa: T201 - for `pytest -s`
        f"{kills} kills: {here.fleet.accepted} reports accepted, none lost or doubled;"
        f" {len(centre.log)} alarms heard; {here.watch.nonces} nonces of"
        f" {len(here.watch.salts)} processes, none twice"
    )


async def _load(here: World, chance: random.Random) -> None:
    """Bands report and resend, whatever happens at the other end."""
    while True:
        if here.fleet.waiting < MOST_WAITING:
            band = chance.choice(here.fleet.bands)
            band.report(urgent=chance.random() < ALARM_SHARE)
        here.fleet.resend(RESEND_AFTER_S)
        await asyncio.sleep(REPORT_EVERY_S)


async def _kill(here: World, chance: random.Random, victim: str) -> None:
    """Kill somewhere in the first second of work, or now and then while it starts."""
    await asyncio.sleep(chance.uniform(0, 1))
    if victim in ("broker", "both"):
        await here.kill_broker()
    if victim in ("gateway", "both"):
        await asyncio.sleep(chance.choice([0, chance.uniform(0, 0.05)]))
        await here.gateway.kill()
        check_answered(here.fleet, here.gateway.database_file)
    if victim in ("broker", "both"):
        await here.start_broker()
    if victim in ("gateway", "both"):
        if chance.random() < 0.2:
            await _kill_while_it_starts(here, chance)
        await here.gateway.start()
    await here.fleet.connected()
    assert here.gateway.child is not None
    assert here.gateway.child.running, (
        f"it died of the broker's death: {here.gateway.child.tail()}"
    )


async def _kill_while_it_starts(here: World, chance: random.Random) -> None:
    await here.gateway.spawn()
    with contextlib.suppress(TimeoutError, ChildEnded):
        async with asyncio.timeout(chance.uniform(0, STARTS_S)):
            await here.gateway.ready()
    await here.gateway.kill()


async def _forwarded(here: World, centre: Receiver) -> None:
    """The centre hears of every alarm, though the gateway died while it told."""
    try:
        await until(lambda: not here.unforwarded(), "the centre hears of every alarm", FORWARD_S)
    finally:
        heard = Counter(line.account for line in centre.log)
        check_forwarded(here.gateway.database_file, heard, here.fleet)
