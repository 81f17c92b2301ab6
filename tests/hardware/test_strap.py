# SPDX-License-Identifier: Apache-2.0
"""The simulated strap, and the firmware's driver of it, on the pins of an ESP32-S3."""

from __future__ import annotations

from statistics import mean, stdev
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.strap import AIR_COUNT, LOOP_UV, TOUCHES, Strap
from opaska_tools.simulator.circuit import PINS
from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from tests.hardware.conftest import Boards


class World:
    """Time, and the level of the loop's pin."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.levels: list[int] = []
        self.strap = Strap(lambda: self.now_ms, self.levels.append)

    def later_count(self, seconds: float) -> float:
        self.now_ms += seconds * 1000
        return mean(self.strap.pad_count() for _ in range(100))


def test_closed_open_and_cut_are_three_voltages_and_two_levels() -> None:
    world = World()
    seen = {}
    for loop in ("closed", "open", "cut"):
        world.strap.put(loop)
        seen[loop] = [world.strap.loop_uv() for _ in range(200)]
    assert world.levels == [0, 0, 1, 1]
    assert max(seen["closed"]) < 800_000 < min(seen["open"])
    assert max(seen["open"]) < 2_920_000 < min(seen["cut"])
    assert max(seen["cut"]) == LOOP_UV["cut"], "the converter reaches no farther"


def test_count_rises_with_touch_and_comes_back() -> None:
    world = World()
    assert world.later_count(10) == pytest.approx(AIR_COUNT * 1.3, rel=0.01)
    world.strap.put("open", "air")
    assert world.later_count(5) == pytest.approx(AIR_COUNT, rel=0.01)


def test_sweat_comes_slowly_and_a_film_of_water_dries_slowly() -> None:
    world = World()
    world.strap.put(touch="sweat")
    soon, later = world.later_count(60), world.later_count(3_000)
    assert AIR_COUNT * 1.3 < soon < AIR_COUNT * 1.35 < later
    world.strap.put("open", "wet")
    wet = world.later_count(10)
    world.strap.put(touch="dried")
    drying = world.later_count(60)
    assert wet > drying > AIR_COUNT * 1.02


def test_every_reading_has_noise_and_every_touch_can_be_told_from_none() -> None:
    world = World()
    for name in TOUCHES:
        world.strap.put(touch=name)
        world.now_ms += 3_600_000
        counts = [world.strap.pad_count() for _ in range(200)]
        assert stdev(counts) > AIR_COUNT * 0.002, name


def test_faults_are_a_count_that_does_not_move_and_one_of_nothing() -> None:
    world = World()
    before = world.strap.pad_count()
    world.strap.fault = "pad_stuck"
    world.strap.put("open", "air")
    assert {world.later_count(10) for _ in range(3)} == {before}
    world.strap.fault = "pad_silent"
    assert world.strap.pad_count() == 0


@needs_micropython
async def test_driver_reads_the_strap_and_hears_no_more_of_a_clasp_that_chatters(
    board: Boards,
) -> None:
    async with board("strap") as band:
        await band.wait_log("ready")
        await band.strap("open", "air")
        await band.wait_log("edges 1")
        await band.chatter(200)
        await band.hold_pin(PINS["sos_button"], 0)
        lines = await halted(band)
    assert lines[-2:] == ["open 1 1 True", "done"]
    heard = int(next(line for line in lines if line.startswith("storm ")).split()[1])
    assert heard <= 40
