# SPDX-License-Identifier: Apache-2.0
"""Resets, watchdog, sleep and loss of power end the firmware as abruptly as on the chip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_tools.simulator.band import (
    DEEP_SLEEP,
    EXT0_WAKE,
    EXT1_WAKE,
    HARD_RESET,
    POWER_ON,
    SOFT_RESET,
    TIMER_WAKE,
    WATCHDOG,
)
from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython


async def test_each_way_to_end_gives_the_next_start_its_cause(board: Boards) -> None:
    async with board("power") as band:
        await band.wait_log("start 4 ")
        await band.until(lambda: band.state == "asleep" or None, 10, "deep sleep")
        await band.press(30)
        await band.wait_log("start 5 ")
        await band.until(lambda: band.state == "asleep" or None, 10, "deep sleep")
        await band.hold_pin(21, 1)
        lines = await halted(band)
    assert lines == [
        f"start 0 {POWER_ON} 0 2000",
        f"start 1 {HARD_RESET} 0 2026",  # a reset stops neither the wall clock nor RTC memory
        f"start 2 {WATCHDOG} 0 2026",
        f"start 3 {WATCHDOG} 0 2026",  # of a loop that never waited
        f"start 4 {DEEP_SLEEP} {TIMER_WAKE} 2026",
        f"start 5 {DEEP_SLEEP} {EXT0_WAKE} 2026",
        f"start 6 {DEEP_SLEEP} {EXT1_WAKE} 2026",
        f"start 7 {SOFT_RESET} 0 2026",
        "done",
    ]


async def test_a_loss_of_power_forgets_clock_and_rtc_memory(board: Boards) -> None:
    async with board("power") as band:
        await band.wait_log("start 1 ")
        await band.restart()
        await band.until(lambda: len(band.starts) > 2 or None, 10, "a third start")
        assert [start.cause for start in band.starts][:3] == [POWER_ON, HARD_RESET, POWER_ON]
        await band.until(
            lambda: (
                [line for line in band.log if line == f"start 0 {POWER_ON} 0 2000"][1:] or None
            ),
            10,
            "a start as the first",
        )


async def test_a_button_held_through_power_up_is_down_from_the_first_instruction(
    board: Boards,
) -> None:
    async with board("pins", on=False) as band:
        await band.press_down()
        await band.start()
        await band.wait_log("AssertionError: pulled up")


async def test_a_band_that_is_left_leaves_no_process_behind(board: Boards) -> None:
    async with board("pins") as band:
        await band.wait_log("ready")
        process = band._board._process
        assert process
        assert process.returncode is None
    assert process.returncode is not None
