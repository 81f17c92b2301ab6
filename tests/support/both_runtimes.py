# SPDX-License-Identifier: Apache-2.0
"""Plays files through the band's code, on the band's MicroPython and on a desk's CPython."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.requirements import program

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
PLAYERS = ROOT / "tests" / "on_micropython"
_CODE = f"{ROOT}/firmware:{ROOT}/shared_protocol"


def told_alike(player: str, files: Sequence[Path]) -> str:
    """What the player of that name prints, which is the same on both."""
    here = _played(sys.executable, player, files)
    there = _played(program("micropython"), player, files)
    assert there.splitlines() == here.splitlines()
    return here


def _played(interpreter: str, player: str, files: Sequence[Path]) -> str:
    return subprocess.run(
        [interpreter, str(PLAYERS / player), *map(str, files)],
        check=True,
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, "MICROPYPATH": f"{_CODE}:.frozen", "PYTHONPATH": _CODE},
    ).stdout
