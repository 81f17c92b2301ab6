# SPDX-License-Identifier: Apache-2.0
"""The simulated board behaves as MicroPython documents an ESP32-S3, seen from the firmware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

HEAP_LIMIT = 34_000  # bytes of the band's 256K for the simulated processor, run in place


async def test_pins_edges_and_pwm_do_what_micropython_documents(board: Boards) -> None:
    async with board("pins") as band:
        await band.wait_log("ready")
        press = await band.press(40)
        await band.wait_log("only rising")
        await band.press(40)
        await band.hold_pin(21, 0)
        assert (await halted(band))[-1] == "done"
    assert press.up_ms - press.down_ms >= 40
    motor = [(signal.duty, signal.hz) for signal in band.signals if signal.output == "motor"]
    assert [round(duty, 2) for duty, _ in motor] == [0, 0.46, 0.46, 1.0, 0]
    assert [hz for _, hz in motor] == [200, 200, 100, 100, 100]
    buzzer = [(round(s.duty, 1), s.hz) for s in band.signals if s.output == "buzzer"]
    assert buzzer[0] == (0.5, 5000), "a PWM that was not told its duty sounds at once"
    assert [note.name for note in band.notes] == ["started"]


async def test_outputs_go_dark_when_the_processor_stops(board: Boards) -> None:
    async with board("pins") as band:
        await band.wait_log("ready")
        await band.power_cut()
        last = {signal.output: signal.duty for signal in band.signals}
    assert last["led_red"] == 0


async def test_a_shift_of_the_wall_clock_does_not_move_the_ticks(board: Boards) -> None:
    async with board("clock") as band:
        await band.wait_log("ready")
        await band.shift_clock(-3600)
        assert (await halted(band))[-1] == "done"


async def test_the_gauge_is_on_its_bus_and_pulls_its_alert_pin(board: Boards) -> None:
    async with board("buses", on=False) as band:
        await band.battery(55, 3_800)
        await band.start()
        ready = await band.wait_log("ready")
        await band.charging(True)
        await band.battery(3, 3_350)
        lines = await halted(band)
    assert ready == "ready 3800 55"
    assert lines[-2:] == ["low 3350 3 0", "done"]


async def test_the_simulation_leaves_the_heap_to_the_firmware(board: Boards) -> None:
    async with board("heap") as band:
        used = int((await halted(band))[-1].split()[1])
    assert used <= HEAP_LIMIT
