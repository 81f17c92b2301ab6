# SPDX-License-Identifier: Apache-2.0
"""Power-up always reaches a usable state: held button, restarts, flash faults, broken settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, STORED
from opaska_tools.simulator.band import SimulatedBand
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.band import FlashFault
    from tests.support.small_gateway import Arrival, SmallGateway


async def boot_report(gateway: SmallGateway, boot: int = 1) -> Arrival:
    return await gateway.arrival(lambda a: a.type == reports.BOOT and a.boot == boot)


async def alarm(gateway: SmallGateway) -> Arrival:
    return await gateway.arrival(lambda a: a.type == reports.ALARM)


def fault_codes(gateway: SmallGateway) -> set[int]:
    return {arrival.fields["code"] for arrival in gateway.of_type(reports.FAULT)}


def names(band: SimulatedBand) -> list[str]:
    return [note.name for note in band.notes]


async def test_healthy_start_is_reported_without_a_fault(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    boot = (await boot_report(gateway)).fields
    assert boot["cause"] == reports.POWER_ON
    assert boot["build"] == reports.BENCH
    assert (boot["board"], boot["last_dseq"]) == ("band_v1", 0)
    assert "safe_mode" not in boot
    heartbeat = (await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)).fields
    assert heartbeat["link"] == reports.CELLULAR
    assert heartbeat["signal_dbm"] == -77
    assert (heartbeat["battery_percent"], heartbeat["free_bytes"] > 0) == (90, True)
    assert names(band) == []
    assert fault_codes(gateway) == set()
    assert list(band.log) == []


async def test_button_held_at_power_up_is_first_an_sos(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.press_down()
    await band.start()
    sos = await alarm(gateway)
    assert sos.fields["trigger"] == reports.POWER_UP
    assert next(iter(gateway.arrivals.values())) == sos
    await band.wait_note("accepted")
    await band.press_up()
    boot = await boot_report(gateway)
    assert "safe_mode" not in boot.fields
    assert len(gateway.of_type(reports.ALARM)) == 1


async def test_restarts_tell_their_cause_and_count_on(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await boot_report(gateway, 1)
    await band.restart()
    assert (await boot_report(gateway, 2)).fields["cause"] == reports.POWER_ON
    assert fault_codes(gateway) == set()


async def test_sos_that_waited_is_sent_unchanged_after_the_power_was_cut(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = ()
    await band.start()
    await boot_report(gateway)
    await band.press(600)
    sos = await alarm(gateway)
    await band.power_cut()
    since_ms = band.time.now_ms()
    gateway.answers = (STORED, ACCEPTED)
    await band.start()
    await band.wait_note("working", since_ms=since_ms)
    await band.wait_note("accepted", since_ms=since_ms)
    assert gateway.repeats >= 1
    assert gateway.clashes == []
    assert gateway.of_type(reports.ALARM) == [sos]
    await boot_report(gateway, 2)


async def test_waiting_fault_is_not_taken_for_an_sos_after_a_restart(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = (STORED,)
    gateway.stores_telemetry = False
    await band.start()
    await boot_report(gateway)
    await gateway.order(1, 9, {})
    await gateway.arrival(lambda a: a.type == reports.FAULT)
    await band.restart()
    await until(lambda: gateway.repeats > 2, "the waiting reports again")
    assert "working" not in names(band)


async def test_answers_to_an_alarm_of_before_the_restart_are_felt_and_echoed(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    gateway.answers = (STORED,)
    await band.start()
    await boot_report(gateway)
    await band.press(600)
    await band.wait_note("stored")
    sos = await alarm(gateway)
    await band.restart()
    await boot_report(gateway, 2)
    while "accepted" not in names(band):  # a gateway tells it again until it is echoed
        await gateway.answer(ACCEPTED, sos.boot, sos.seq)
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("unreadable", reports.FLASH_UNREADABLE),
        ("full", reports.FLASH_FULL),
        ("read_only", reports.FLASH_READ_ONLY),
    ],
)
async def test_with_broken_flash_the_sos_is_sent_from_ram_with_a_fault(
    band: SimulatedBand, gateway: SmallGateway, fault: FlashFault, code: int
) -> None:
    await band.start()
    await boot_report(gateway)
    await band.power_cut()
    await band.flash_fault(fault)
    await band.start()
    await boot_report(gateway, 2)
    await band.press(600)
    await band.wait_note("accepted")
    assert (await alarm(gateway)).fields["trigger"] == reports.HOLD
    await until(lambda: code in fault_codes(gateway), f"fault {code}")


async def test_flash_that_breaks_while_running_does_not_stop_an_sos(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await boot_report(gateway)
    await band.flash_fault("read_only")
    await band.press(600)
    await band.wait_note("accepted")
    await until(lambda: reports.FLASH_READ_ONLY in fault_codes(gateway), "the fault")


async def test_broken_settings_are_the_defaults_and_a_fault(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path
) -> None:
    writer = tmp_path / "spoil.py"
    writer.write_text(
        "from opaska_band.boards.band_v1 import Board\n"
        "from opaska_band.storage import mount\n"
        "print(mount(Board()).save('settings', bytes(20)))\n"
    )
    async with SimulatedBand(band.folder, program=writer) as spoiler:
        await spoiler.start()
        await spoiler.wait_log("True")
    await band.start()
    await band.press(600)
    await band.wait_note("accepted")
    await until(lambda: reports.SETTINGS_BROKEN in fault_codes(gateway), "the fault")


async def test_band_without_identity_says_not_sent(tmp_path: Path) -> None:
    async with SimulatedBand(tmp_path / "new") as band:
        await band.start()
        await asyncio.sleep(0.5)
        await band.press(600)
        await band.wait_note("not_sent")
        assert band.state == "on"
        assert "working" not in names(band)
        assert band.link.connections == 0
        assert list(band.log) == ["no identity: write it, see firmware/README.md"]


async def test_a_band_without_a_broker_says_so_and_leaves_the_modem_alone(tmp_path: Path) -> None:
    async with SimulatedBand(tmp_path / "new") as band:
        band.provision(bytes(8), 1, bytes(16), brokers=" ")
        await band.start()
        await band.wait_log("no link: no broker")
        await band.press(600)
        await band.wait_note("working")
        assert not any(line.startswith("no link: divide") for line in band.log)


async def test_settings_order_changes_the_hold_survives_a_restart_and_is_echoed(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await boot_report(gateway)
    await gateway.order(3, 1, {1: 0, 2: 60, 3: True})
    await gateway.order(2, 1, {1: 900})  # overtaken
    await gateway.order(4, 7, {})  # refused, and seen
    await gateway.arrival(lambda a: a.type == reports.FAULT)
    await band.press(60)
    await band.wait_note("accepted")
    assert all(signal.duty == 0 for signal in band.signals if signal.output == "buzzer")
    assert fault_codes(gateway) == {reports.ORDER_REFUSED}
    await band.restart()
    assert (await boot_report(gateway, 2)).fields["last_dseq"] == 4
    await band.press(60)
    await until(lambda: len(gateway.of_type(reports.ALARM)) == 2, "the second SOS")


async def test_order_of_before_the_restart_is_not_obeyed_again(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await boot_report(gateway)
    await gateway.order(5, 1, {1: 700})
    await gateway.order(6, 1, {1: 0})
    await gateway.order(7, 9, {})  # refused, which tells that it and those before were seen
    await gateway.arrival(lambda a: a.type == reports.FAULT)
    await band.press(60)
    await band.wait_note("accepted")
    await band.power_cut()
    await band.press_down()  # held at power-up: settings are not loaded yet
    since_ms = band.time.now_ms()
    await band.start()
    await band.wait_note("accepted", since_ms=since_ms)
    await gateway.order(5, 1, {1: 700})
    await asyncio.sleep(0.3)
    await band.press_up()
    assert (await boot_report(gateway, 2)).fields["last_dseq"] == 7
    await band.press(60)
    await until(lambda: len(gateway.of_type(reports.ALARM)) == 3, "the SOS without a hold")


async def test_order_cannot_make_an_sos_impossible(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await boot_report(gateway)
    for dseq, arguments in enumerate(({1: 60_000}, {1: -1}, {4: 0}, {1: 100, 2: 0}), start=1):
        await gateway.order(dseq, 1, arguments)
    await until(lambda: reports.ORDER_REFUSED in fault_codes(gateway), "the fault")
    await band.press(600)
    await band.wait_note("accepted")


async def test_task_that_fails_is_reported_and_runs_again(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(
        "from opaska_band import boot, heartbeat\n"
        "run = heartbeat.Heartbeat.run\n"
        "left = [2]\n"
        "async def planted(self):\n"
        "    if left[0]:\n"
        "        left[0] -= 1\n"
        "        raise ValueError('planted')\n"
        "    await run(self)\n"
        "heartbeat.Heartbeat.run = planted\n"
        "boot.run()\n"
    )
    async with SimulatedBand(band.folder, gateway.address, program=planted) as planted_band:
        await planted_band.start()
        await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)
        fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
        assert fault.fields["code"] == reports.TASK_FAILED
        assert fault.fields["detail"] == "heartbeat"
