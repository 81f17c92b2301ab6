# SPDX-License-Identifier: Apache-2.0
"""Light sleep: the firmware's sleep.py on a processor that hears nothing while it sleeps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import SCRIPTS, needs_micropython

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hardware.conftest import Boards

pytestmark = needs_micropython
SCRIPT = (SCRIPTS / "board_sleep.py").read_text()


@pytest.mark.parametrize("name", re.findall(r"async def (test_\w+)", SCRIPT))
async def test_in_light_sleep(board: Boards, tmp_path: Path, name: str) -> None:
    async with ClockService() as clock, board("sleep", on=False, virtual_clock=clock) as band:
        (tmp_path / "band" / "test").write_text(name)
        await band.start()
        await band.until(lambda: band.state == "halted" or None, 4 * 3_600, "the end")
        assert band.log[-1] == "passed", "\n".join(band.log)
