# SPDX-License-Identifier: Apache-2.0
"""The simulated board's run queue is asyncio's own in all but its clock."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from opaska_tools.simulator import places
from tests.hardware.conftest import SCRIPTS, needs_micropython

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_micropython


def test_tasks_run_in_the_same_order_as_on_the_built_in_queue(tmp_path: Path) -> None:
    built_in = _run(".frozen", tmp_path)
    simulated = _run(f"{places.BOARD}:.frozen", tmp_path)
    virtual = _run(f"{places.BOARD}:.frozen", tmp_path, OPASKA_SIM_CLOCK="virtual")
    assert simulated == virtual == built_in
    assert simulated[-2:] == ["end", "second loop 0"] or simulated[-1] == "second loop"


def _run(path: str, folder: Path, **more: str) -> list[str]:
    done = subprocess.run(
        [places.micropython(), str(SCRIPTS / "board_asyncio.py")],
        env={**os.environ, "MICROPYPATH": path, "OPASKA_SIM_DIR": str(folder), **more},
        capture_output=True,
        check=True,
        timeout=30,
        text=True,
    )
    return done.stdout.splitlines()
