# SPDX-License-Identifier: Apache-2.0
"""The `opaska` command answers at once and knows its version."""

import subprocess
import sys
from pathlib import Path

from opaska_tools import __version__

SLOW_TO_IMPORT = {"alembic", "amqtt", "bleak", "cryptography", "paho", "pysiaalarm", "sqlalchemy"}


def run(*command: str) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_installed_command_says_its_version() -> None:
    assert run(str(Path(sys.executable).parent / "opaska"), "--version") == f"opaska {__version__}"


def test_help_waits_for_no_slow_import() -> None:
    loaded = run(sys.executable, "-c", "import sys, opaska_tools.cli; print(*sys.modules)")
    assert not SLOW_TO_IMPORT & set(loaded.split())
