# SPDX-License-Identifier: Apache-2.0
"""A carer's visit, from two knocks and a card at the simulated reader to the gateway's database:
proved, replayed, and with a band that is not well. In virtual time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.eg915u_gnss import Sky
from opaska_gateway import settings_file
from opaska_gateway.registry import planned
from opaska_gateway.registry.change import change
from opaska_gateway.store import open_store
from opaska_protocol import reports
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report
from opaska_tools.simulator.circuit import Ntag213
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program
from tests.support.visit_scene import COUNT, STARTED_MS, carer, faults, felt, smart, touch, visits

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
TAG = "04a1b2c3d4e5f6"
AWAY = Sky(52.2342667, 21.0123)  # 1.1 km north of
HOME = "1=52.22427,21.01230,300"
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"


async def plan(scene: VirtualScene, at: str) -> None:
    """For the wearer, at that time; the clock of `opaska visits plan` would be years later."""
    settings = settings_file.load(scene.gateway.config_file)
    (person,) = json.loads(await opaska(scene.gateway, "people", "list", "--json"))
    async with open_store(settings.storage) as store, change(store, "office") as now:
        await planned.add(replace(now, at_ms=0), person["id"], at, 45, 7)


async def test_a_card_begins_and_ends_a_visit_whose_service_is_the_number_of_taps(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        card = await smart(scene)
        await scene.clock.run_for(STARTED_MS)
        await touch(scene, card)
        assert felt(scene) == ["visit_tick", "visit_begun", "visit_reached"]
        await scene.clock.run_for(30 * MINUTE_MS)
        await touch(scene, card, taps=3)
        assert felt(scene)[3:] == ["visit_tick"] * 3 + ["visit_ended", "visit_reached"]
        await scene.clock.run_for(2 * MINUTE_MS)
        (visit,) = await visits(scene)
        assert (visit["state"], visit["carer"]) == ("ended", "Anna Zielińska")
        assert (visit["service"], visit["proof"]) == (3, "verified")
        assert visit["to_ms"] - visit["from_ms"] == pytest.approx(30 * MINUTE_MS, abs=MINUTE_MS)
        assert visit["test"] == "passed"
        assert scene.rows(COUNT, reports.VISIT_TEST) == [(2,)]
        assert scene.rows(COUNT, reports.POSITION) == [(0,)], "nobody asked where"
        with pytest.raises(ProtocolError):  # it is the wearer's, and sealed
            decode_report(scene.rows(BODIES, reports.VISIT)[0][0])


async def test_a_planned_visit_is_felt_as_expected(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await carer(scene, TAG, "--kind", "tag")
        await plan(scene, "2026-01-01 01:30")  # half an hour after the start
        await scene.clock.run_for(STARTED_MS)
        await touch(scene, Ntag213(bytes.fromhex(TAG)))
        assert felt(scene) == ["visit_tick", "visit_begun", "visit_expected"]
        (visit,) = await visits(scene)
        assert visit["proof"] == "plain"


async def test_a_reading_presented_again_makes_no_visit_and_is_counted(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        card = await smart(scene)
        await scene.clock.run_for(STARTED_MS)
        await touch(scene, card)
        await touch(scene, card)
        card.counter = 0  # what a recording of its first reading would say
        await scene.clock.run_for(10 * MINUTE_MS)
        await touch(scene, card)
        assert len(await visits(scene)) == 1
        told = json.loads(
            await opaska(scene.gateway, "visits", "refused", "--days", "3650", "--json")
        )
        assert [(one["why"], one["times"]) for one in told] == [("replayed", 1)]


async def test_a_band_that_is_not_well_is_a_fault_until_a_visit_shows_it_right(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        card = await smart(scene)
        await scene.band.battery(12)
        await scene.band.oximeter_fault("silent")
        await scene.clock.run_for(3 * MINUTE_MS)
        await touch(scene, card)
        told = await faults(scene)
        assert "battery" in told
        assert "sensors" in told
        await scene.band.oximeter_fault(None)
        await scene.band.battery(90)
        await scene.clock.run_for(70 * MINUTE_MS)
        await touch(scene, card)
        assert (await visits(scene))[0]["state"] == "ended"


async def test_only_a_visit_away_from_home_leaves_a_place(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        card = await smart(scene)
        scene.band.circuit.wiring.modem.gnss.sky = AWAY
        await scene.clock.run_for(MINUTE_MS)
        await opaska(scene.gateway, "bands", "zones", scene.kid, HOME, "--why", "family")
        await scene.clock.run_for(22 * MINUTE_MS)  # with the next heartbeat it has its zones
        await touch(scene, card)
        await scene.clock.run_for(3 * MINUTE_MS)
        (visit,) = await visits(scene)
        assert visit["where"] == "away"
        assert scene.rows(COUNT, reports.POSITION) == [(1,)]
