# SPDX-License-Identifier: Apache-2.0
"""Whatever the wearer does with button and power, only a human closes an SOS (promise 8)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_tools.stage.scene import Scene
from opaska_tools.stage.stored import alarms_of, rows
from tests.support.command import opaska
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.band import SimulatedBand

pytestmark = requires_program("micropython")

PRESS_MS = 700
LONGEST_PRESS_MS = 4_000
BETWEEN_S = 0.1  # presses nearer than 30 ms are one press to the band: a worn contact chatters
BOOTS = "SELECT count(*) FROM event WHERE report_type = ?"
CASES = "SELECT state, outcome FROM care_case"


async def test_no_press_and_no_power_cut_takes_an_sos_back(tmp_path: Path) -> None:
    async with Scene(tmp_path, 1) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        database_file = scene.gateway.database_file
        worn.band.link.cut("reset")
        await worn.band.press(PRESS_MS)
        await worn.band.wait_note("working")
        await _fumble(worn.band)
        worn.band.link.restore()
        await worn.band.wait_note("accepted", 30)
        assert alarms_of(database_file, worn.kid) == 1, "presses on its way are the same SOS"

        await _fumble(worn.band)
        await worn.band.restart()
        await until(lambda: rows(database_file, BOOTS, reports.BOOT) == [(2,)], "its second boot")
        (case,) = json.loads(await opaska(scene.gateway, "cases", "list", "--json"))
        assert case["state"] in ("ringing", "forwarded")
        assert "closed" not in {note.name for note in worn.band.notes}

        await opaska(scene.gateway, "cases", "take", case["id"])
        await opaska(scene.gateway, "cases", "close", case["id"], "--outcome", "helped")
        await worn.band.wait_note("closed", 30)
        assert rows(database_file, CASES) == [("closed", "helped")]


async def _fumble(band: SimulatedBand) -> None:
    """Short presses, many presses, a very long one."""
    for hold_ms in (80, 80, 80, 200, 200, LONGEST_PRESS_MS):
        await asyncio.sleep(BETWEEN_S)
        await band.press(hold_ms)
