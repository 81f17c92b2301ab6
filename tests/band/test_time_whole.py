# SPDX-License-Identifier: Apache-2.0
"""The whole band in virtual time: deadlines, repeats, and a day in seconds."""

from __future__ import annotations

import itertools
import sys
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
HOUR_MS = 60 * MINUTE_MS


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
    await live(clock, MINUTE_MS, slow_band)
    await slow_band.press(600)
    await live(clock, 16 * MINUTE_MS, slow_band)
    [alarm] = gateway.of_type(reports.ALARM)
    beats = heartbeats(gateway)
    assert len(beats) == 4
    gaps = [b.fields["uptime_ms"] - a.fields["uptime_ms"] for a, b in itertools.pairwise(beats)]
    assert all(abs(gap - 5 * MINUTE_MS) < 1_000 for gap in gaps)
    for beat in beats[1:]:
        assert beat.fields["answers"] == [[alarm.boot, alarm.seq, ACCEPTED]]
    await gateway.answer(CLOSED, alarm.boot, alarm.seq)
    await live(clock, 11 * MINUTE_MS, slow_band)
    echoes = [beat.fields.get("answers") for beat in heartbeats(gateway)[4:]]
    assert echoes == [[[alarm.boot, alarm.seq, CLOSED]], None]


async def test_heartbeats_tell_the_time_with_a_small_error(
    slow_band: SimulatedBand, gateway: SmallGateway, clock: ClockService
) -> None:
    await live(clock, 11 * MINUTE_MS, slow_band)
    source, unix_s, error_s = heartbeats(gateway)[-1].fields["time"]
    assert source == reports.TIME_GATEWAY
    assert error_s <= 2
    assert abs(unix_s - time.time()) < 3_600


async def test_band_lives_for_a_day_with_a_press_and_a_broken_link_every_four_hours(
    gateway: SmallGateway, clock: ClockService, tmp_path: Path
) -> None:
    """In 256 KB, code and stand-ins included."""
    band = SimulatedBand(tmp_path / "band", gateway.address, heap="256K", virtual_clock=clock)
    began_s = time.monotonic()
    async with band:
        band.provision(KID, 1, KEY)
        await band.start()
        for _ in range(6):
            await live(clock, 4 * HOUR_MS, band)
            await band.press(600)
            await live(clock, MINUTE_MS, band)
            band.link.reset_connections()
        await live(clock, MINUTE_MS, band)
    beats = heartbeats(gateway)
    assert len(beats) == 24 * 12 + 2, "every five minutes of a day and six minutes"
    assert len(gateway.of_type(reports.ALARM)) == 6
    assert not gateway.of_type(reports.FAULT)
    free = [beat.fields["free_bytes"] for beat in beats]
    took_s = time.monotonic() - began_s
    sys.stdout.write(f"free {free[12]} then {free[-1]} bytes, {took_s:.0f} s\n")
    assert free[12] - free[-1] < 2_048, "nothing grows"
    assert free[-1] >= 65_536
