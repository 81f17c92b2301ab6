# SPDX-License-Identifier: Apache-2.0
"""From the gauge's registers to faults and heartbeats: the firmware's battery.py and driver
against the simulated MAX17048, in virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from hardware.simulated.chips.max17048 import CRATE, SOC, VCELL, VERSION
from opaska_protocol.reports import BATTERY_CRITICAL, BATTERY_LOW, GAUGE, LAST_WORDS
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from hardware.simulated.chips.max17048 import MAX17048
    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
STEP_MIN = 20
NOBODY = -1  # as a register's value: the chip does not answer


class Fault(NamedTuple):
    hour: float
    code: int
    detail: str


@asynccontextmanager
async def running(board: Boards) -> AsyncGenerator[Run]:
    async with ClockService() as clock, board("battery", virtual_clock=clock) as band:
        await band.wait_log("ready")
        await clock.run_for(1_000)  # it has looked once
        yield Run(band, clock)


class Run:
    """A cell that empties evenly, and what the band says of it."""

    def __init__(self, band: SimulatedBand, clock: ClockService) -> None:
        self.band = band
        self.clock = clock
        self.percent = 100.0

    @property
    def gauge(self) -> MAX17048:
        return self.band.circuit.wiring.gauge

    async def drain(self, percent_per_hour: float, to: float) -> float:
        """Until so little is left; below 0 an hour it is charged. The hours that it took."""
        hours = 0.0
        while (self.percent - to) * percent_per_hour > 0:
            await self.let_pass(STEP_MIN)
            self.percent -= percent_per_hour * STEP_MIN / 60
            self.gauge.set(self.percent, round(3_450 + 7 * self.percent), -percent_per_hour)
            hours += STEP_MIN / 60
        await self.let_pass(11)
        return hours

    async def let_pass(self, minutes: float) -> None:
        await self.clock.run_for(minutes * MINUTE_MS)

    @property
    def faults(self) -> list[Fault]:
        lines = [line.split(maxsplit=3) for line in self.band.log]
        return [
            Fault(int(line[0]) / HOUR_MS, int(line[2]), line[3])
            for line in lines
            if line[1:2] == ["fault"]
        ]

    @property
    def codes(self) -> list[int]:
        return [fault.code for fault in self.faults]

    @property
    def beats(self) -> list[list[str]]:
        """Percent, mV, charging, hours left, broken."""
        return [line.split()[2:] for line in self.band.log if line.split()[1:2] == ["beat"]]


@pytest.mark.parametrize("percent_per_hour", [0.3, 0.6, 2.0])
async def test_low_is_said_while_a_day_is_left_and_each_level_once(
    board: Boards, percent_per_hour: float
) -> None:
    async with running(board) as run:
        hours = await run.drain(percent_per_hour, to=0.2)
        assert run.codes == [BATTERY_LOW, BATTERY_CRITICAL, LAST_WORDS]
        low, critical, last = run.faults
    assert hours - low.hour >= 24
    assert hours - critical.hour >= 1
    assert hours - last.hour > 0


async def test_hours_left_come_true(board: Boards) -> None:
    async with running(board) as run:
        await run.drain(0.8, to=50)
        left = int(run.beats[-1][3])
        assert left == pytest.approx(50 / 0.8, rel=0.15)


async def test_one_jump_of_the_gauge_and_an_hour_of_alarm_are_no_low_battery(
    board: Boards,
) -> None:
    async with running(board) as run:
        await run.drain(0.6, to=97)
        run.percent -= 20
        await run.drain(0.6, to=74)
        await run.drain(9, to=68)
        await run.drain(0.6, to=64)
        assert run.codes == []
        assert 70 < int(run.beats[-1][3]) < 140


@pytest.mark.parametrize("crate", [0x7FFF, 0x8000, 0x0000, 0xFF00])
async def test_a_nonsense_rate_neither_rings_nor_hides(board: Boards, crate: int) -> None:
    async with running(board) as run:
        run.gauge.stuck[CRATE] = crate
        await run.drain(0.6, to=60)
        assert run.codes == []
        assert int(run.beats[-1][3]) == pytest.approx(100, rel=0.15)
        await run.drain(0.6, to=15)
        assert run.codes == [BATTERY_LOW]


async def test_a_charge_that_stands_still_hides_no_empty_cell(board: Boards) -> None:
    async with running(board) as run:
        run.gauge.stuck[SOC] = 80 * 256
        run.percent = 30
        await run.drain(2, to=0.2)
        assert run.codes == [BATTERY_LOW, BATTERY_CRITICAL]
        run.gauge.set(0, 3_390)
        await run.let_pass(7)
        assert run.codes == [BATTERY_LOW, BATTERY_CRITICAL, LAST_WORDS]


async def test_a_short_dip_of_the_voltage_is_no_last_word(board: Boards) -> None:
    async with running(board) as run:
        run.gauge.set(60, 3_300)
        await run.let_pass(5.05)
        run.gauge.set(60, 3_800)
        await run.let_pass(30)
        assert run.codes == []
        run.gauge.set(60, 3_300)
        await run.let_pass(7)
        assert run.codes == [LAST_WORDS]


async def test_nothing_is_said_on_the_charger_and_a_minute_there_says_nothing_twice(
    board: Boards,
) -> None:
    async with running(board) as run:
        run.percent = 22
        await run.drain(0.6, to=18)
        assert run.codes == [BATTERY_LOW]
        await run.band.charging(True)
        run.percent = 3
        await run.drain(-10, to=8)
        await run.band.charging(False)
        run.percent = 18
        await run.drain(0.6, to=16)
        assert run.codes == [BATTERY_LOW], "the same discharge"
        await run.band.charging(True)
        await run.drain(-40, to=100)
        assert run.beats[-1][2:4] == ["True", "None"]
        await run.band.charging(False)
        await run.drain(2, to=20)
        assert run.codes == [BATTERY_LOW, BATTERY_LOW], "the next discharge"


async def test_a_restart_says_nothing_again(board: Boards) -> None:
    async with running(board) as run:
        run.gauge.set(15, 3_560)
        await run.let_pass(10)
        assert run.codes == [BATTERY_LOW]
        await run.band.power_cut()
        await run.band.start()
        run.gauge.set(15, 3_560)
        await run.let_pass(30)
        assert run.codes == [BATTERY_LOW]
        run.gauge.set(5, 3_490)
        await run.let_pass(10)
        assert run.codes == [BATTERY_LOW, BATTERY_CRITICAL]


@pytest.mark.parametrize(
    ("register", "word", "detail"),
    [
        (NOBODY, NOBODY, "no answer"),
        (VERSION, 0x0020, "version 0x0020"),
        (VERSION, 0xFFFF, "version 0xffff"),
        (SOC, 0xFFFF, "255 percent"),
        (VCELL, 0x0000, "0 mV"),
        (VCELL, 0xFFFF, "5119 mV"),
    ],
)
async def test_a_broken_gauge_is_told_once_named_by_every_heartbeat_and_forgiven(
    board: Boards, register: int, word: int, detail: str
) -> None:
    async with running(board) as run:
        await run.let_pass(25)
        assert run.beats[-1] == ["90", "3950", "None", "None", "None"]
        if register == NOBODY:
            run.gauge.answers = False
        else:
            run.gauge.stuck[register] = word
        await run.band.power_cut()  # the version is read when the gauge is met
        await run.band.start()
        await run.let_pass(5 * 60 + 1)
        [fault] = run.faults
        assert (fault.code, fault.detail) == (GAUGE, detail)
        broken = [beat for beat in run.beats if beat[4] != "None"]
        assert len(broken) == 15
        assert all(beat == ["None", "None", "None", "None", f"[{GAUGE}]"] for beat in broken)
        run.gauge.answers = True
        run.gauge.stuck.clear()
        await run.let_pass(25)
        assert run.beats[-1][:2] == ["90", "3950"]
        assert run.beats[-1][4] == "None"
        assert len(run.faults) == 1
