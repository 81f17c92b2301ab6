# SPDX-License-Identifier: Apache-2.0
"""The whole band in virtual time: deadlines, repeats and the watchdog."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, CLOSED
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from tests.band.conftest import KEY, KID

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.small_gateway import Arrival, SmallGateway

MINUTE_MS = 60_000


@pytest.fixture
async def clock() -> AsyncGenerator[ClockService]:
    async with ClockService() as clock:
        yield clock


@pytest.fixture
async def slow_band(
    gateway: SmallGateway, clock: ClockService, tmp_path: Path
) -> AsyncGenerator[SimulatedBand]:
    """A band that lives in virtual time, connected."""
    band = SimulatedBand(tmp_path / "band", gateway.address, virtual_clock=clock)
    async with band:
        band.provision(KID, 1, KEY)
        await band.start()
        yield band


async def live(clock: ClockService, ms: int, band: SimulatedBand) -> None:
    await clock.run_for(ms)
    assert band.state == "on"


def heartbeats(gateway: SmallGateway) -> list[Arrival]:
    return gateway.of_type(reports.HEARTBEAT)


async def test_not_sent_is_felt_one_minute_after_the_press_and_trying_goes_on(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, MINUTE_MS, slow_band)
    slow_band.link.cut()
    press = await slow_band.press(600)
    end_ms = press.down_ms + 500
    not_sent = await slow_band.wait_note("not_sent", 120)
    assert 0 <= not_sent.t_ms - end_ms - MINUTE_MS <= 100
    assert not any(note.name == "stored" for note in slow_band.notes)
    await live(clock, 10 * MINUTE_MS, slow_band)
    slow_band.link.restore()
    await slow_band.wait_note("accepted", 600)
    assert len(gateway.of_type(reports.ALARM)) == 1
    assert gateway.clashes == []
    since_ms = clock.now_ms()
    await live(clock, 5 * MINUTE_MS, slow_band)
    assert not any(note.t_ms > since_ms for note in slow_band.notes), "silent once told"


async def test_short_press_raises_nothing_and_three_raise_an_sos(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, MINUTE_MS, slow_band)
    for _ in range(2):
        await slow_band.press(200)
        await live(clock, 100, slow_band)
    assert {note.name for note in slow_band.notes} == {"hold"}
    assert not gateway.of_type(reports.ALARM)
    await slow_band.press(200)
    await slow_band.wait_note("accepted")
    [alarm] = gateway.of_type(reports.ALARM)
    assert alarm.fields["trigger"] == reports.THREE_PRESSES


async def test_working_is_repeated_while_the_wearer_waits(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    gateway.answers = ()
    await live(clock, MINUTE_MS, slow_band)
    press = await slow_band.press(600)
    await live(clock, 59_000, slow_band)
    times = [note.t_ms for note in slow_band.notes if note.name == "working"]
    assert times[0] - press.down_ms <= 550
    assert all(b - a <= 5_000 for a, b in itertools.pairwise(times))
    assert times[-1] - times[0] >= 50_000


async def test_button_held_on_for_ten_seconds_from_power_up_is_safe_mode(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, MINUTE_MS, slow_band)
    await gateway.order(1, 1, {1: 0})
    await live(clock, MINUTE_MS, slow_band)
    await slow_band.power_cut()
    await slow_band.press_down()
    await slow_band.start()
    start_ms = clock.now_ms()
    safe = await slow_band.wait_note("safe_mode", 30)
    assert 10_000 <= safe.t_ms - start_ms <= 15_000
    assert gateway.of_type(reports.ALARM)[0].fields["trigger"] == reports.POWER_UP
    await slow_band.press_up()
    await live(clock, MINUTE_MS, slow_band)
    boot = gateway.of_type(reports.BOOT)[-1]
    assert (boot.boot, boot.fields["safe_mode"]) == (2, True)
    assert heartbeats(gateway)[-1].boot == 2
    await gateway.order(2, 1, {1: 0})
    await live(clock, MINUTE_MS, slow_band)
    await slow_band.press(100)
    await live(clock, 1_000, slow_band)
    assert len(gateway.of_type(reports.ALARM)) == 1, "the default hold, not the ordered one"
    await slow_band.press(600)
    await live(clock, 1_000, slow_band)
    second = gateway.of_type(reports.ALARM)[1]
    assert second.fields["safe_mode"] is True


async def test_heartbeat_keeps_its_period_and_echoes_answers_until_closed(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, 1_000, slow_band)
    await gateway.order(1, 1, {2: 300})
    await live(clock, MINUTE_MS, slow_band)
    await slow_band.press(600)
    await live(clock, 16 * MINUTE_MS, slow_band)
    [alarm] = gateway.of_type(reports.ALARM)
    _, *beats = heartbeats(gateway)
    assert len(beats) == 4, "the first with the order obeyed"
    gaps = [b.fields["uptime_ms"] - a.fields["uptime_ms"] for a, b in itertools.pairwise(beats)]
    assert all(abs(gap - 5 * MINUTE_MS) < 1_000 for gap in gaps)
    for beat in beats[1:]:
        assert beat.fields["answers"] == [[alarm.boot, alarm.seq, ACCEPTED]]
    await gateway.answer(CLOSED, alarm.boot, alarm.seq)
    await live(clock, 11 * MINUTE_MS, slow_band)
    echoes = [beat.fields.get("answers") for beat in heartbeats(gateway)[5:]]
    assert echoes == [[[alarm.boot, alarm.seq, CLOSED]], None]


async def test_heartbeats_tell_the_time_with_a_small_error(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, 21 * MINUTE_MS, slow_band)
    source, unix_s, error_s = heartbeats(gateway)[-1].fields["time"]
    assert source == reports.TIME_GATEWAY
    assert error_s <= 2
    assert abs(unix_s - time.time()) < 3_600


async def test_band_that_hangs_is_reset_by_its_watchdog_and_says_so(
    gateway: SmallGateway, clock: ClockService, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "import time\n"
        "import machine\n"
        "from opaska_band import boot, heartbeat\n"
        "condition = heartbeat.Heartbeat.condition\n"
        "def hang(self):\n"
        "    if machine.reset_cause() == machine.PWRON_RESET:\n"
        "        time.sleep_ms(3_600_000)\n"
        "    return condition(self)\n"
        "heartbeat.Heartbeat.condition = hang\n"
        "boot.run()\n"
    )
    band = SimulatedBand(tmp_path / "band", gateway.address, virtual_clock=clock, program=planted)
    async with band:
        band.provision(KID, 1, KEY)
        await band.start()
        await live(clock, 2 * MINUTE_MS, band)
        assert [start.cause for start in band.starts] == [1, 3]
        assert band.starts[1].t_ms - band.starts[0].t_ms < MINUTE_MS
        boots = [(boot.boot, boot.fields["cause"]) for boot in gateway.of_type(reports.BOOT)]
        assert sorted(boots) == [(1, reports.POWER_ON), (2, reports.WATCHDOG)]
        await band.press(600)
        await live(clock, 5_000, band)
        assert len(gateway.of_type(reports.ALARM)) == 1


async def test_a_link_whose_task_hangs_ends_in_a_watchdog_reset_after_two_hours(
    gateway: SmallGateway, clock: ClockService, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "import asyncio\n"
        "from opaska_band import boot\n"
        "from opaska_band.links.cellular import Cellular\n"
        "async def hang(self):\n"
        "    await asyncio.Event().wait()\n"
        "Cellular.open_stream = hang\n"
        "boot.run()\n"
    )
    band = SimulatedBand(tmp_path / "band", gateway.address, virtual_clock=clock, program=planted)
    async with band:
        band.provision(KID, 1, KEY)
        await band.start()
        await live(clock, 119 * MINUTE_MS, band)
        assert len(band.starts) == 1
        await live(clock, 3 * MINUTE_MS, band)
        assert [start.cause for start in band.starts] == [reports.POWER_ON, reports.WATCHDOG]


async def test_uptime_is_asked_long_before_the_ticks_wrap_also_by_a_band_without_a_link(
    gateway: SmallGateway, clock: ClockService, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "from opaska_band import boot, clock\n"
        "ms = clock.Uptime.ms\n"
        "def asked(self):\n"
        "    print('asked', ms(self))\n"
        "    return ms(self)\n"
        "clock.Uptime.ms = asked\n"
        "boot.run()\n"
    )
    band = SimulatedBand(tmp_path / "band", gateway.address, virtual_clock=clock, program=planted)
    async with band:
        band.provision(KID, 1, KEY, brokers="nowhere")
        await band.start()
        await live(clock, 60 * MINUTE_MS, band)
        asked = [int(line.split()[1]) for line in band.log if line.startswith("asked")]
    assert asked[-1] > 59 * MINUTE_MS
    assert max(b - a for a, b in itertools.pairwise(asked)) <= MINUTE_MS
