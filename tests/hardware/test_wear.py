# SPDX-License-Identifier: Apache-2.0
"""From the strap's signals to a report: the firmware's wear.py, driver, sense and decision against
the simulated strap, in virtual time. What breaks, and what a restart finds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_tools.simulator.circuit import PINS
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

    Do = Callable[[SimulatedBand], Awaitable[None]]

pytestmark = needs_micropython

MINUTE_MS = 60_000
FAILS, NO_REPORTS = PINS["gauge_alert"], PINS["sos_button"]
OFF, CUT = [str(reports.STRAP), "1"], [str(reports.STRAP), "2"]


@asynccontextmanager
async def wear(board: Boards) -> AsyncGenerator[tuple[SimulatedBand, ClockService]]:
    async with ClockService() as clock, board("wear", virtual_clock=clock) as band:
        await band.wait_log("ready")
        yield band, clock


def said(band: SimulatedBand, word: str) -> list[list[str]]:
    """What the lines about this say."""
    lines = [line.split() for line in band.log]
    return [line[2:] for line in lines if line[1:2] == [word]]


async def off(band: SimulatedBand) -> None:
    await band.take_off()


async def cut(band: SimulatedBand) -> None:
    await band.strap("cut", "table")


async def onto_charger(band: SimulatedBand) -> None:
    await band.charging(True)
    await band.strap("open", "charger")


async def off_charger(band: SimulatedBand) -> None:
    await band.charging(False)
    await band.strap(touch="table")


LIVES: dict[str, tuple[tuple[Do, ...], int, list[list[str]]]] = {
    "worn": ((), reports.WORN, []),
    "taken off": ((off,), reports.TAKEN_OFF, [OFF]),
    "cut": ((cut,), reports.CUT, [CUT]),
    "cut after it was taken off": ((off, cut), reports.CUT, [OFF, CUT]),
    "charging": ((onto_charger,), reports.CHARGING, []),
    "cut while it charges": ((onto_charger, cut), reports.CUT, [CUT]),
    "lifted": ((onto_charger, off_charger), reports.TAKEN_OFF, []),
}


@pytest.mark.parametrize("life", LIVES)
async def test_a_restart_changes_nothing_and_rings_nothing_twice(board: Boards, life: str) -> None:
    steps, state, alarms = LIVES[life]
    async with wear(board) as (band, clock):
        await clock.run_for(MINUTE_MS)
        for step in steps:
            await step(band)
            await clock.run_for(MINUTE_MS)
        assert said(band, "alarm") == alarms
        reported = said(band, "wear")
        for _ in range(2):
            await band.restart()
            await band.wait_log("ready")
            await clock.run_for(3 * MINUTE_MS)
        assert said(band, "alarm") == alarms
        assert said(band, "wear") == reported
        assert said(band, "beat")[-1] == [str(state), "None"]
        await clock.run_for(3 * MINUTE_MS)
        late = [OFF] if life == "lifted" else []
        assert said(band, "alarm") == alarms + late


async def test_a_strap_that_was_taken_off_while_nobody_looked_rings_after_the_start(
    board: Boards,
) -> None:
    async with wear(board) as (band, clock):
        await clock.run_for(MINUTE_MS)
        await band.power_cut()
        await band.take_off()
        await band.start()
        await clock.run_for(MINUTE_MS)
        assert said(band, "alarm") == [OFF]


async def test_an_alarm_of_the_strap_needs_no_report_and_no_flash(board: Boards) -> None:
    async with wear(board) as (band, clock):
        await clock.run_for(MINUTE_MS)
        await band.hold_pin(NO_REPORTS, 0)
        await band.flash_fault("read_only")
        await band.take_off()
        await clock.run_for(MINUTE_MS)
        assert said(band, "alarm") == [OFF]


async def test_a_contact_that_chatters_for_hours_is_one_fault_until_it_has_been_quiet(
    board: Boards,
) -> None:
    async with wear(board) as (band, clock):
        await clock.run_for(MINUTE_MS)
        for _ in range(66):
            for _ in range(2):
                await band.chatter(60)
                await clock.run_for(MINUTE_MS // 2)
        chattering = said(band, "beat")[2:]
        assert said(band, "fault") == [[str(reports.STRAP_SENSOR), "loop", "chatters"]]
        assert {line[1] for line in chattering} == {"loop_chatters"}
        await clock.run_for(3 * MINUTE_MS)
        assert said(band, "beat")[-1] == [str(reports.WORN), "None"]
        assert said(band, "alarm") == []
        await band.take_off()
        await clock.run_for(MINUTE_MS)
        assert said(band, "alarm") == [OFF]


async def test_converter_and_touch_sensor_that_fail_are_one_fault_and_it_heals(
    board: Boards,
) -> None:
    async with wear(board) as (band, clock):
        await clock.run_for(MINUTE_MS)
        await band.hold_pin(FAILS, 0)
        await clock.run_for(65 * MINUTE_MS)
        assert {line[0] for line in said(band, "fault")} == {str(reports.STRAP_SENSOR)}
        assert len(said(band, "fault")) == 1
        assert said(band, "beat")[-1][1] == "loop_silent"
        await band.hold_pin(FAILS, None)
        await clock.run_for(2 * MINUTE_MS)
        assert said(band, "beat")[-1] == [str(reports.WORN), "None"]
        await band.take_off()
        await clock.run_for(MINUTE_MS)
        assert said(band, "alarm") == [OFF]
