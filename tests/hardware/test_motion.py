# SPDX-License-Identifier: Apache-2.0
"""From the chip's FIFO to the senses: the firmware's motion.py and driver against the simulated
LSM6DSO, in virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from opaska_tools.body_model import shipped
from opaska_tools.simulator.circuit import PINS
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

FREE_PIN = 47  # of the board's script: the clock jumps
URGENT = PINS["charger_status"]  # low while the board's script says that something is
MOTION_SENSOR = 10
FALL = shipped("fall_and_lie")
PEAK_MS = (FALL.peak_s or 0) * 1000
SENSED_MS = 4_000  # after the impact; whatever comes on top is motion.py's


@asynccontextmanager
async def motion(board: Boards) -> AsyncGenerator[tuple[SimulatedBand, ClockService]]:
    async with ClockService() as clock, board("motion", virtual_clock=clock) as band:
        await band.wait_log("ready")
        yield band, clock


def said(band: SimulatedBand, word: str) -> list[list[str]]:
    """The lines about this, as [ms, what, ...]."""
    lines = [line.split() for line in band.log]
    return [line for line in lines if line[1:2] == [word]]


async def fall(band: SimulatedBand, clock: ClockService) -> float:
    """Let the wearer fall; returns the moment of the impact in ms."""
    begin_ms = await band.wear(FALL)
    await clock.run_for(PEAK_MS + 40_000)
    return begin_ms + PEAK_MS


@pytest.mark.parametrize("awake_s", [3, 90, 600])
async def test_a_fall_is_felt_at_once_with_ten_seconds_before_it(
    board: Boards, awake_s: int
) -> None:
    async with motion(board) as (band, clock):
        await clock.run_for(awake_s * 1000)
        impact_ms = await fall(band, clock)
    ((at_ms, _),) = said(band, "fall")
    assert int(at_ms) - impact_ms < SENSED_MS + 400
    ((_, _, count, impact, first, peak, *_),) = said(band, "window")
    assert (int(count), int(impact)) == (780, 260)
    assert abs(int(first) - 260) <= 1
    assert int(peak) > 4_000
    assert not said(band, "fault")


async def test_a_night_wakes_the_processor_only_to_look_and_when_somebody_turns_over(
    board: Boards,
) -> None:
    night = shipped("night")
    async with motion(board) as (band, clock):
        await clock.run_for(1_800_000)
        still = int(said(band, "wakes")[-1][2])
        await band.wear(night)
        await clock.run_for(1_800_000)
        turned = int(said(band, "wakes")[-1][2])
        still_s = int(said(band, "wakes")[-1][3])
    assert still <= 10, "watched for half a minute, then dozed"
    assert turned - still < 5 * 30
    quiet_s = 1_800 - night.count / night.rate_hz
    assert quiet_s - 700 < still_s < quiet_s, "told every ten minutes"
    assert not said(band, "fault")
    assert not said(band, "fall")


TROUBLES = {
    "silent": "no answer",
    "identity": "another chip",
    "stopped": "no samples",
    "stuck": "stuck at one value",
    "disorder": "samples out of order",
    "parity": "samples out of order",
    "unwired": "no interrupt",
}


@pytest.mark.parametrize("fault", TROUBLES)
async def test_a_broken_sensor_is_one_fault_and_falls_are_felt_again_once_it_is_mended(
    board: Boards, fault: str
) -> None:
    async with motion(board) as (band, clock):
        await clock.run_for(5_000)
        if fault == "identity":
            await band.imu_fault("silent")  # another chip is found only at a new start
            await clock.run_for(15_000)
        await band.imu_fault(fault)
        await band.wear(shipped("walk"))
        await clock.run_for(120_000)
        assert not said(band, "fall"), "a fall out of nothing"
        assert " ".join(said(band, "trouble")[-1][2:]) == TROUBLES[fault], "for heartbeats"
        await band.imu_fault(None)
        await clock.run_for(5_000)
        impact_ms = await fall(band, clock)
    details = [" ".join(line[3:]) for line in said(band, "fault")]
    assert details.count(TROUBLES[fault]) == 1
    assert set(details) <= {TROUBLES[fault], "no answer"}
    assert len(said(band, "felt")) == len(details)
    still = TROUBLES[fault] if fault == "unwired" else ""  # it listens again in five minutes
    assert " ".join(said(band, "trouble")[-1][2:]) == still
    falls = said(band, "fall")
    assert len(falls) == 1
    assert int(falls[0][0]) - impact_ms < SENSED_MS + 2_000


async def test_an_interrupt_that_chatters_neither_keeps_it_awake_nor_hides_a_fall(
    board: Boards,
) -> None:
    async with motion(board) as (band, clock):
        await clock.run_for(40_000)  # it dozes
        for _ in range(420):
            await band.hold_pin(PINS["imu_int1"], 1)
            await band.hold_pin(PINS["imu_int1"], 0)
            await clock.run_for(100)
        await band.hold_pin(PINS["imu_int1"], None)
        await clock.run_for(1_119_000)
        first, second = [int(line[2]) for line in said(band, "wakes")]
        impact_ms = await fall(band, clock)
    assert second - first < 20, "it listens again, and dozes"
    assert [line[2:] for line in said(band, "trouble")] == [["no", "interrupt"], []]
    ((at_ms, *_),) = said(band, "fall")
    assert int(at_ms) - impact_ms < SENSED_MS + 400
    assert len(said(band, "fault")) == 1


async def test_a_fifo_that_ran_over_is_a_fault_and_no_fall(board: Boards) -> None:
    async with motion(board) as (band, clock):
        await band.wear(shipped("walk"))
        await clock.run_for(5_000)
        await band.hold_pin(PINS["sos_button"], 0)
        await clock.run_for(16_000)
        await band.hold_pin(PINS["sos_button"], None)
        await clock.run_for(60_000)
        await fall(band, clock)
    assert [line[3:] for line in said(band, "fault")] == [["overrun"]]
    assert len(said(band, "fall")) == 1


async def test_a_clock_that_jumps_is_a_fault_and_no_fall(board: Boards) -> None:
    async with motion(board) as (band, clock):
        await band.wear(shipped("walk"))
        await clock.run_for(5_000)
        await band.hold_pin(FREE_PIN, 0)
        await clock.run_for(60_000)
        await fall(band, clock)
    assert [" ".join(line[3:]) for line in said(band, "fault")] == ["clock jumps, or wrong rate"]
    assert len(said(band, "fall")) == 1


async def test_while_an_sos_is_on_its_way_samples_wait_and_none_is_lost(board: Boards) -> None:
    wakes: list[int] = []
    for level in (1, 0):
        async with motion(board) as (band, clock):
            await band.hold_pin(URGENT, level)
            impact_ms = await fall(band, clock)
            await clock.run_for(600_000)
        ((at_ms, *_),) = said(band, "fall")
        assert int(at_ms) - impact_ms < SENSED_MS + 400 + 1_000
        ((_, _, count, *_),) = said(band, "window")
        assert int(count) == 780
        assert not said(band, "fault")
        wakes.append(int(said(band, "wakes")[0][2]))
    assert wakes[1] < wakes[0]


async def test_walking_lying_still_and_moving_are_told_apart(board: Boards) -> None:
    async with motion(board) as (band, clock):
        await band.wear(shipped("fall_and_walk_on"))
        await clock.run_for(80_000)
    activities = [line[2] for line in said(band, "now")]
    assert "walking" in activities[: len(activities) // 2]
    assert "still" in activities
    assert activities[-1] == "still" or "walking" in activities[-4:]
