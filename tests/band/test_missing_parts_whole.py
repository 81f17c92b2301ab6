# SPDX-License-Identifier: Apache-2.0
"""An SOS needs few parts: with any other file broken it is sent and, if it can be, felt."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_tools.body_model import shipped
from opaska_tools.simulator import places
from opaska_tools.simulator.band import SimulatedBand
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.small_gateway import SmallGateway

OPTIONAL = {
    # file -> whether the answer can still be felt
    "signals.py": False,
    "battery.py": True,
    "drivers/max17048.py": True,
    "heartbeat.py": True,
    "inbox.py": False,
    "obey.py": True,
    "resume.py": True,
}
PARTS = {
    "battery.py": reports.GAUGE,
    "wear.py": reports.STRAP_SENSOR,
    "motion.py": reports.MOTION_SENSOR,
    "vitals.py": reports.OXIMETER,
    "place.py": reports.GNSS,
    "visit.py": reports.NFC,
}
NEEDED = ["links/mqtt.py", "outbox.py", "reporter.py", "state.py"]
FALLEN_S = 60  # a recording's beginning, then a countdown of 20 s
FIRST = ["boot.py", "boards/band_v1.py", "drivers/button.py"]  # before there is a watchdog


@asynccontextmanager
async def broken_band(
    band: SimulatedBand,
    gateway: SmallGateway,
    tmp_path: Path,
    *names: str,
    added: str = "this is ( no Python\n",
) -> AsyncGenerator[SimulatedBand]:
    """The same band with something added to these files; by itself, what does not compile."""
    firmware = tmp_path / "firmware"
    leave_out = shutil.ignore_patterns("typings", "__pycache__")
    shutil.copytree(places.FIRMWARE, firmware, ignore=leave_out)
    for name in names:
        with (firmware / "opaska_band" / name).open("a") as file:
            file.write(added)
    broken = SimulatedBand(
        band.folder,
        gateway.address,
        heap="1M",  # the sources lie in it, as no real band has them
        program=firmware / "main.py",
        path=(firmware,),
    )
    async with broken:
        await broken.start()
        yield broken


@pytest.mark.parametrize("name", list(OPTIONAL))
async def test_sos_is_sent_although_a_file_is_broken(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path, name: str
) -> None:
    async with broken_band(band, gateway, tmp_path, name) as broken:
        await gateway.arrival(lambda a: a.type == reports.BOOT)
        await broken.press(600)
        alarm = await gateway.arrival(lambda a: a.type == reports.ALARM)
        assert alarm.fields["trigger"] == reports.HOLD
        if OPTIONAL[name]:
            await broken.wait_note("accepted")
        if name not in ("obey.py", "inbox.py"):  # not needed until an order comes, and mute
            fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
            assert fault.fields["code"] == reports.TASK_FAILED


async def test_a_fall_calls_for_help_although_nothing_can_be_felt_of_its_countdown(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path
) -> None:
    async with broken_band(band, gateway, tmp_path, "signals.py") as broken:
        await gateway.arrival(lambda a: a.type == reports.BOOT)
        await broken.wear(shipped("fall_and_lie"))
        await gateway.arrival(lambda a: a.type == reports.ANNOUNCED_FALL, FALLEN_S)
        alarm = await gateway.arrival(lambda a: a.type == reports.ALARM, FALLEN_S)
        assert alarm.fields["kind"] == reports.FALL


async def test_without_any_part_that_it_can_do_without_it_beats_and_names_them(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path
) -> None:
    async with broken_band(band, gateway, tmp_path, *PARTS) as broken:
        beat = await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)
        assert sorted(beat.fields["broken"]) == sorted(PARTS.values())
        await broken.press(600)
        await broken.wait_note("accepted")


async def test_sos_is_sent_although_no_will_can_be_sealed(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path
) -> None:
    unable = "Reporter.sealed_once = None\n"
    async with broken_band(band, gateway, tmp_path, "reporter.py", added=unable) as broken:
        await gateway.arrival(lambda a: a.type == reports.BOOT)
        await broken.press(600)
        await broken.wait_note("accepted")
        fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
        assert (fault.fields["code"], fault.fields["detail"]) == (reports.TASK_FAILED, "will")


@pytest.mark.parametrize("name", NEEDED)
async def test_band_that_cannot_send_says_so(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path, name: str
) -> None:
    async with broken_band(band, gateway, tmp_path, name) as broken:
        await broken.wait_log("SyntaxError")
        await broken.press(700)
        await broken.wait_note("not_sent")
        assert broken.state == "on"
        assert "working" not in [note.name for note in broken.notes]


@pytest.mark.parametrize("name", FIRST)
async def test_band_that_cannot_even_begin_starts_again_and_again(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path, name: str
) -> None:
    async with broken_band(band, gateway, tmp_path, name) as broken:
        await until(lambda: len(broken.starts) >= 2, "a new start", 30)
