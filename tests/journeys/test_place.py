# SPDX-License-Identifier: Apache-2.0
"""Where the wearer is, from the modem's NMEA to the gateway: with an alarm, at the edge of a safe
zone, on an order, and else never. In virtual time, with the real gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cbor2

from hardware.simulated.chips.eg915u_gnss import Sky
from opaska_protocol import reports
from opaska_tools.body_model import shipped
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

HOME = Sky(52.2242667, 21.0123)
SHOP = Sky(52.2342667, 21.0123)  # 1.1 km to the north
A_MINUTE_MS = 60_000
HEARTBEAT_MS = 1_200_000
HOME_LATITUDE_E7 = 522_242_700
AT_HOME = "1=52.22427,21.01230,300"

COUNT = "SELECT count(*) FROM event WHERE report_type = ?"
ALARMS = "SELECT alarm_kind FROM event WHERE rings = 1 ORDER BY id"
AUDIT = "SELECT why FROM audit WHERE what = ?"
WAITING = "SELECT arguments FROM band_order ORDER BY dseq"


def stand(scene: VirtualScene, sky: Sky | None) -> None:
    scene.band.circuit.wiring.modem.gnss.sky = sky


def count(scene: VirtualScene, report_type: int) -> int:
    return int(scene.rows(COUNT, report_type)[0][0])


async def told(scene: VirtualScene) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(
        await opaska(
            scene.gateway, "bands", "where", scene.kid, "--why", "daughter calls", "--json"
        )
    )
    return listed


async def test_a_place_follows_an_alarm_every_minute_and_delays_nothing(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        stand(scene, HOME)
        await scene.clock.run_for(20 * A_MINUTE_MS)
        assert count(scene, reports.POSITION) == 0, "nobody asked"
        assert not scene.band.circuit.wiring.modem.gnss.is_on
        pressed = await scene.band.press(600)
        stored = await scene.band.wait_note("stored", 30)
        assert stored.t_ms - pressed.up_ms < 150
        seen_on = 0
        for _ in range(60):
            await scene.clock.run_for(5_000)
            seen_on += scene.band.circuit.wiring.modem.gnss.is_on
        assert count(scene, reports.POSITION) == 5
        assert seen_on <= 16, "it finds its satellites within 30 s, later within 5, and then rests"
        latest = (await told(scene))[0]
        assert (latest["latitude"], latest["longitude"]) == (HOME.latitude_deg, HOME.longitude_deg)
        assert latest["accuracy_m"] == 5
        assert latest["age_s"] <= 1


async def test_without_sky_the_cell_is_told_and_the_receiver_rests(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(A_MINUTE_MS)
        await scene.band.press(600)
        await scene.clock.run_for(4 * A_MINUTE_MS)
        (latest,) = await told(scene)
        assert latest["cell"] == "260-3-11111-662316"
        assert latest["latitude"] is None
        assert not scene.band.circuit.wiring.modem.gnss.is_on


async def test_safe_zones_without_a_sky_cost_seconds_and_tell_nothing(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(A_MINUTE_MS)
        await opaska(scene.gateway, "bands", "zones", scene.kid, AT_HOME, "--why", "a test")
        await scene.clock.run_for(HEARTBEAT_MS + A_MINUTE_MS)
        await scene.band.wear(shipped("walk"))
        seen_on = 0
        for _ in range(30 * 12):
            await scene.clock.run_for(5_000)
            seen_on += scene.band.circuit.wiring.modem.gnss.is_on
        assert 0 < seen_on <= 3 * 9, "at most three looks of 40 s"
        assert count(scene, reports.POSITION) == 0
        assert scene.rows(ALARMS) == []


async def test_an_order_brings_one_position_and_stands_in_the_audit(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        stand(scene, HOME)
        await scene.clock.run_for(A_MINUTE_MS)
        await opaska(scene.gateway, "bands", "locate", scene.kid, "--why", "daughter calls")
        await scene.clock.run_for(2 * HEARTBEAT_MS)
        assert count(scene, reports.POSITION) == 1
        assert scene.rows(AUDIT, "position_ordered") == [("daughter calls",)]
        assert scene.rows(ALARMS) == []


async def test_leaving_the_safe_zones_rings_once_and_coming_home_is_told(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        stand(scene, HOME)
        await scene.clock.run_for(A_MINUTE_MS)
        wanted = ("bands", "zones", scene.kid, AT_HOME, "--why", "asked by her family")
        await opaska(scene.gateway, *wanted)
        assert cbor2.dumps(HOME_LATITUDE_E7) not in scene.rows(WAITING)[0][0], "sealed"
        await scene.clock.run_for(HEARTBEAT_MS + 12 * A_MINUTE_MS)
        assert scene.rows(ALARMS) == []
        assert count(scene, reports.POSITION) == 0, "inside it is nobody's business"
        await scene.band.wear(shipped("walk"))
        stand(scene, SHOP)
        await scene.clock.run_for(12 * A_MINUTE_MS)
        assert scene.rows(ALARMS) == [(reports.ZONE_LEFT,)]
        assert (await told(scene))[0]["latitude"] == SHOP.latitude_deg
        await scene.band.restart()
        await scene.band.wear(shipped("walk"))
        stand(scene, HOME)
        await scene.clock.run_for(14 * A_MINUTE_MS)
        assert scene.rows(ALARMS) == [(reports.ZONE_LEFT,)]
        assert count(scene, reports.ZONE) == 2
