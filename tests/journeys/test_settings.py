# SPDX-License-Identifier: Apache-2.0
"""Settings travel from the operator to the wrist and back, whole, also if the power is cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cbor2

from opaska_protocol import reports
from opaska_tools.stage.stored import alarms_of
from opaska_tools.stage.virtual_scene import VirtualScene, virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_program("micropython")

HEARTBEAT_MS = 1_200_000  # the band's default setting
A_MINUTE_MS = 60_000
HOUR_MS = 3_600_000
NOTICED_MS = 601_000  # until a gateway in virtual time sees what a command has changed
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
AGREED = (
    "SELECT max(version), (SELECT version FROM band_settings ORDER BY reported_ms DESC LIMIT 1)"
    " FROM band_settings"
)
SETTINGS_VERSION = 17  # key of a heartbeat, see SPEC.md
TEARS = (0, 1, 2)  # nothing of the step, half of it, some bits
STEPS = 6  # more than an order takes: its number in flash and NVS, then the set


async def test_settings_reach_the_wrist_and_are_reported_back(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(5 * A_MINUTE_MS)
        await _set(scene, "hold_ms=1000", "hr_low=45", "hr_high=130", "heartbeat_s=3600")
        await scene.clock.run_for(NOTICED_MS + A_MINUTE_MS)
        pulses = scene.rows("SELECT count(*) FROM event WHERE report_type = ?", reports.VITALS)
        assert pulses == [(2,)], "with new limits it is measured at once, and else every hour"
        shown = await _shown(scene)
        assert (shown["desired_version"], shown["reported_version"]) == (1, 1)
        in_force = {one["name"]: one["reported"] for one in shown["settings"]}
        assert (in_force["hold_ms"], in_force["hr_low"], in_force["quiet"]) == (1000, 45, False)
        await scene.band.press(800)  # too short now
        await scene.clock.run_for(20_000)
        assert alarms_of(scene.gateway.database_file, scene.kid) == 0
        await scene.band.press(1_200)
        await scene.clock.run_for(20_000)
        assert alarms_of(scene.gateway.database_file, scene.kid) == 1


async def test_a_set_whose_write_was_cut_is_ordered_again_until_it_is_in_force(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(5_000)
        cuts = 0
        for step in range(STEPS):
            await scene.band.flash_cut(step, TEARS[step % len(TEARS)])
            await _set(scene, f"hold_ms={100 * step}", "heartbeat_s=3600", f"hr_low={40 + step}")
            for within_ms in (NOTICED_MS, HOUR_MS, HOUR_MS + HEARTBEAT_MS):
                await scene.clock.run_for(within_ms)
                if scene.band.state == "off":  # a later write may be the one that is cut
                    cuts += 1
                    await scene.band.start()
                elif scene.rows(AGREED) == [(step + 1, step + 1)]:
                    break
            assert scene.rows(AGREED) == [(step + 1, step + 1)]
        assert cuts >= 4
        await scene.clock.run_for(2 * HOUR_MS)  # and it stays so
        versions = _reported_versions(scene)
        assert versions == sorted(versions), "never a set of before, never the defaults again"
        assert [fault for fault in _bodies(scene, reports.FAULT) if fault[4] <= 6] == []


async def _set(scene: VirtualScene, *words: str) -> None:
    await opaska(scene.gateway, "bands", "set", scene.kid, *words)


async def _shown(scene: VirtualScene) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(
        await opaska(scene.gateway, "bands", "settings", scene.kid, "--json")
    )
    return shown


def _bodies(scene: VirtualScene, report_type: int) -> list[dict[int, Any]]:
    return [cbor2.loads(body) for (body,) in scene.rows(BODIES, report_type)]


def _reported_versions(scene: VirtualScene) -> list[int]:
    return [beat[SETTINGS_VERSION] for beat in _bodies(scene, reports.HEARTBEAT)]
