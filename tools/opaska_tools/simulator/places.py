# SPDX-License-Identifier: Apache-2.0
"""Where the parts of a simulated band lie in the source tree."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BOARD = ROOT / "hardware" / "simulated"
FIRMWARE = ROOT / "firmware"
SHIPPED = ROOT / "hardware" / "recordings"  # of movements, made by opaska_tools.body_model
MAIN = FIRMWARE / "main.py"


class NotHere(RuntimeError):
    """Something that the simulation needs is not installed; the message says what to do."""


def micropython() -> str:
    """The unix port of MicroPython."""
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        raise NotHere(
            "no MicroPython here: `make setup` installs it on Linux x86_64 and macOS arm64"
        )
    if not MAIN.exists():
        raise NotHere("the simulator runs from the source tree: clone the repository")
    return found
