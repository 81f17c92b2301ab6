# SPDX-License-Identifier: Apache-2.0
"""Runs a script of tests/on_micropython with the firmware and the protocol on its path."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.requirements import program

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests/on_micropython"
PATH = f"{SCRIPTS}:{ROOT}/firmware:{ROOT}/shared_protocol:.frozen"
REAL_TIME = {"MICROPYPATH": PATH}
# The simulated board's time, moved by the script itself: at once, when all its tasks wait. It has
# no sockets, and threads do not know of it.
VIRTUAL_TIME = {"MICROPYPATH": f"{ROOT}/hardware/simulated:{PATH}", "OPASKA_SIM_CLOCK": "virtual"}


def start(
    script: str,
    *arguments: str,
    heap: str = "256K",
    folder: Path | None = None,
    time: dict[str, str] = REAL_TIME,
) -> subprocess.Popen[str]:
    """Start a script as a child whose output is read as text."""
    return subprocess.Popen(
        [program("micropython"), "-X", f"heapsize={heap}", SCRIPTS / script, *arguments],
        cwd=folder,
        env={**os.environ, **time},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a Ctrl-C is for pytest alone, which then ends the children
    )


def passes(script: str, name: str, folder: Path, time: dict[str, str] = VIRTUAL_TIME) -> bool:
    """Whether that test of the script does."""
    child = start(script, name, heap="4M", folder=folder, time=time)
    return last_line(child) == "passed"


def last_line(child: subprocess.Popen[str], timeout_s: float = 120) -> str:
    """Wait for the child's end; its last line, which must not be a traceback's."""
    try:
        output, _ = child.communicate(timeout=timeout_s)
    finally:
        child.kill()
    assert child.returncode == 0, output[-4000:]
    sys.stdout.write(output)  # figures, shown by `pytest -rP`
    return output.splitlines()[-1]


def tests_in(pattern: str) -> list[tuple[str, str]]:
    """(script, test) of every `def test_` in the scripts that match."""
    return [
        (script.name, name)
        for script in sorted(SCRIPTS.glob(pattern))
        for name in re.findall(r"^(?:async )?def (test_\w+)", script.read_text(), re.MULTILINE)
    ]
