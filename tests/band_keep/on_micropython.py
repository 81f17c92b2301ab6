# SPDX-License-Identifier: Apache-2.0
"""Runs a script of tests/on_micropython with the firmware and the protocol on its path."""

import os
import re
import subprocess
from pathlib import Path

from tests.support.requirements import program

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests/on_micropython"
PATH = f"{SCRIPTS}:{ROOT}/firmware:{ROOT}/shared_protocol:.frozen"


def start(
    script: str, *arguments: str, heap: str = "256K", folder: Path | None = None
) -> subprocess.Popen[str]:
    """Start a script as a child whose output is read as text."""
    return subprocess.Popen(
        [program("micropython"), "-X", f"heapsize={heap}", SCRIPTS / script, *arguments],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a Ctrl-C is for pytest alone, which then ends the children
    )


def last_line(child: subprocess.Popen[str], timeout_s: float = 120) -> str:
    """Wait for the child's end; its last line, which must not be a traceback's."""
    try:
        output, _ = child.communicate(timeout=timeout_s)
    finally:
        child.kill()
    assert child.returncode == 0, output[-4000:]
    return output.splitlines()[-1]


def tests_in(pattern: str) -> list[tuple[str, str]]:
    """(script, test) of every `def test_` in the scripts that match."""
    return [
        (script.name, name)
        for script in sorted(SCRIPTS.glob(pattern))
        for name in re.findall(r"^(?:async )?def (test_\w+)", script.read_text(), re.MULTILINE)
    ]
