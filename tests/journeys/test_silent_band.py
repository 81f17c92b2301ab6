# SPDX-License-Identifier: Apache-2.0
"""Promise 6: a band whose battery dies is a fault with its cause, which ends when it is back.

The whole way in virtual time; and real gateways, killed as by kill -9 around the telling, with
pysiaalarm as the centre.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from opaska_tools.stage.receiver import Receiver
from opaska_tools.stage.registration import account_of
from opaska_tools.stage.stored import rows
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.journeys.doom import Gap, doomed, set_flag
from tests.support.command import opaska
from tests.support.requirements import requires_program
from tests.support.until import until
from tests.support.world import world

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.gateway import Gateway
    from opaska_tools.stage.virtual_scene import VirtualScene

MINUTE_MS = 60_000
PERIOD_MS = 20 * MINUTE_MS
NEVER = Gap("after", 0)  # in no batch
KILLS = {
    "before the fault is committed": ("dies_telling_silence", "missing"),
    "when it is, and nobody knows": ("dies_told_silence", "silent"),
}
STATES = "SELECT state FROM silence ORDER BY id"


async def _silent(gateway: Gateway, *more: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(
        await opaska(gateway, "bands", "silent", "--json", *more)
    )
    return listed


async def _runs_flat(scene: VirtualScene) -> None:
    """In two hours, and then its power is gone."""
    for percent in (40, 31, 22, 13, 4):
        await scene.band.battery(percent)
        await scene.clock.run_for(30 * MINUTE_MS)
    await scene.band.power_cut()


@requires_program("micropython")
async def test_a_band_whose_battery_dies_is_a_fault_with_its_cause_until_it_is_back(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await _runs_flat(scene)
        died_ms = scene.clock.utc_ms()
        await scene.clock.run_for(PERIOD_MS)
        assert await _silent(scene.gateway) == []
        await scene.clock.run_for(2 * PERIOD_MS)
        (line,) = await _silent(scene.gateway)
        assert (line["kid"], line["state"], line["cause"]) == (scene.kid, "silent", "flat battery")
        assert line["raised_ms"] - line["since_ms"] <= 3 * PERIOD_MS
        assert 0 <= died_ms - line["since_ms"] <= PERIOD_MS, "its last heartbeat"
        await scene.band.battery(90)
        await scene.band.start()
        await scene.clock.run_for(15 * MINUTE_MS)
        assert await _silent(scene.gateway) == []
        back = (await _silent(scene.gateway, "--all", "--days", "9999"))[-1]
    assert back["state"] == "returned"
    assert line["raised_ms"] < back["ended_ms"] <= died_ms + 3 * PERIOD_MS + 5 * MINUTE_MS


def _an_hour_ago(database_file: Path) -> None:
    """As if the gateway had listened for an hour since the bands last spoke."""
    with closing(sqlite3.connect(database_file)) as connection, connection:
        connection.execute(
            "UPDATE watched_band SET quiet_since_ms = quiet_since_ms - ?", (3 * PERIOD_MS,)
        )


@pytest.mark.parametrize("when", KILLS)
async def test_a_gateway_killed_around_the_telling_tells_the_centre_once(
    tmp_path: Path, when: str
) -> None:
    bug, state = KILLS[when]
    async with (
        Receiver([account_of(0)]) as centre,
        world(tmp_path, "embedded", 1, [centre]) as here,
    ):
        file = here.gateway.database_file
        await here.gateway.start()
        await here.fleet.connected()
        here.fleet.bands[0].report()
        spoke = "SELECT count(*) FROM watched_band WHERE last_word_ms IS NOT NULL"
        await until(lambda: rows(file, spoke)[0][0], "the band's word is written down", 60)
        await here.gateway.kill()
        _an_hour_ago(file)

        set_flag(here, "die_raising", True)
        await here.gateway.spawn(command=doomed(NEVER, bug))
        assert here.gateway.child is not None
        await here.gateway.child.ended(60)
        await here.gateway.stop()
        assert rows(file, STATES) == [(state,)]
        assert centre.log == []

        await here.gateway.start()
        await until(lambda: len(centre.log) == 1, "the centre hears it", 60)
        await here.fleet.connected()
        here.fleet.bands[0].report()
        await until(lambda: len(centre.log) == 2, "the centre hears of its return", 60)
        assert [line.code for line in centre.log] == ["BZ", "BR"]
        (back,) = await _silent(here.gateway, "--all")
        assert back["state"] == "returned"
        assert back["since_ms"] < back["raised_ms"] <= back["ended_ms"]
