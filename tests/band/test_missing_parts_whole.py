# SPDX-License-Identifier: Apache-2.0
"""An SOS needs few parts: with any other file broken it is sent and, if it can be, felt."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_tools.simulator import places
from opaska_tools.simulator.band import SimulatedBand

if TYPE_CHECKING:
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


@pytest.mark.parametrize("name", list(OPTIONAL))
async def test_sos_is_sent_although_a_file_is_broken(
    band: SimulatedBand, gateway: SmallGateway, tmp_path: Path, name: str
) -> None:
    firmware = tmp_path / "firmware"
    shutil.copytree(
        places.FIRMWARE, firmware, ignore=shutil.ignore_patterns("typings", "__pycache__")
    )
    (firmware / "opaska_band" / name).write_text("this is ( no Python\n")
    async with SimulatedBand(
        band.folder, gateway.address, program=firmware / "main.py", path=(firmware,)
    ) as broken:
        await broken.start()
        await gateway.arrival(lambda a: a.type == reports.BOOT)
        await broken.press(600)
        alarm = await gateway.arrival(lambda a: a.type == reports.ALARM)
        assert alarm.fields["trigger"] == reports.HOLD
        if OPTIONAL[name]:
            await broken.wait_note("accepted")
        if name not in ("obey.py", "inbox.py"):  # not needed until an order comes, and mute
            fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
            assert fault.fields["code"] == reports.TASK_FAILED
