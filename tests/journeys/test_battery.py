# SPDX-License-Identifier: Apache-2.0
"""The cell, from the gauge's registers to the gateway's database: low while a day is left, one
fault of a gauge that talks nonsense, and last words that arrive before the power goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cbor2

from hardware.simulated.chips.max17048 import SOC
from opaska_protocol import reports
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
STEP_MIN = 10
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
TOLD = "SELECT payload ->> 'kind' FROM outbox ORDER BY id"
CODE, PERCENT, CHARGING, HOURS_LEFT, BROKEN = 4, 4, 6, 15, 16  # keys, see SPEC.md


async def _drain(scene: VirtualScene, percent: float, per_hour: float, hours: float) -> float:
    """So many hours; the percent that are left."""
    gauge = scene.band.circuit.wiring.gauge
    for _ in range(round(hours * 60 / STEP_MIN)):
        gauge.set(percent, round(3_450 + 7 * percent), -per_hour)
        await scene.clock.run_for(STEP_MIN * MINUTE_MS)
        percent -= per_hour * STEP_MIN / 60
    return percent


def _bodies(scene: VirtualScene, report_type: int) -> list[dict[int, Any]]:
    return [cbor2.loads(body) for (body,) in scene.rows(BODIES, report_type)]


def _codes(scene: VirtualScene) -> list[int]:
    return [fault[CODE] for fault in _bodies(scene, reports.FAULT)]


async def test_low_is_in_the_technicians_list_while_a_day_is_left_and_the_last_words_arrive(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        percent = await _drain(scene, 62, per_hour=2, hours=4)
        beat = _bodies(scene, reports.HEARTBEAT)[-1]
        assert _codes(scene) == [reports.BATTERY_LOW]
        assert 24 <= beat[HOURS_LEFT] <= percent / 2 + 2
        (listed,) = json.loads(
            await opaska(scene.gateway, "bands", "faults", "--days=9999", "--json")
        )
        assert (listed["kid"], listed["fault"]) == (scene.kid, "battery low")
        await scene.band.battery(1, 3_390)
        await scene.clock.run_for(6 * MINUTE_MS)
        await scene.band.power_cut()
        assert _codes(scene) == [reports.BATTERY_LOW, reports.LAST_WORDS]
        await scene.clock.run_for(60 * MINUTE_MS)
        (silent,) = json.loads(await opaska(scene.gateway, "bands", "silent", "--json"))
        assert silent["cause"] == "flat battery"
        assert "last words" in silent["detail"]
        assert scene.rows(TOLD) == [("battery_low",), ("battery_dead",), ("band_silent",)]


async def test_a_gauge_that_talks_nonsense_is_one_fault_and_an_sos_goes_out_beside_it(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(25 * MINUTE_MS)
        gauge = scene.band.circuit.wiring.gauge
        for nonsense in range(24):
            gauge.stuck = {} if nonsense % 2 else {SOC: 0xFFFF - 0x100 * nonsense}
            await scene.clock.run_for(5 * MINUTE_MS)
        assert _codes(scene) == [reports.GAUGE]
        gauge.stuck = {SOC: 0xFFFF}
        await scene.clock.run_for(25 * MINUTE_MS)
        beat = _bodies(scene, reports.HEARTBEAT)[-1]
        assert (beat[BROKEN], beat.get(PERCENT)) == ([reports.GAUGE], None)
        pressed = await scene.band.press(600)
        stored = await scene.band.wait_note("stored", 30)
        assert stored.t_ms - pressed.up_ms < 5_000
