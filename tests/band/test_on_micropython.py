# SPDX-License-Identifier: Apache-2.0
"""Runs every test of tests/on_micropython/band_*.py, each in a MicroPython of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import program

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "tests/on_micropython").glob("band_*.py"))
TESTS = [
    (script.name, name)
    for script in SCRIPTS
    for name in re.findall(r"^(?:async )?def (test_\w+)", script.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(("script", "name"), TESTS)
def test_on_micropython(script: str, name: str, tmp_path: Path) -> None:
    path = ROOT / "tests/on_micropython" / script
    done = subprocess.run(
        [program("micropython"), "-X", "heapsize=256K", path, name],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MICROPYPATH": f"{ROOT}/firmware:{ROOT}/shared_protocol:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    sys.stdout.write(done.stdout)  # figures, shown by `pytest -rP`
    assert done.stdout.endswith("passed\n"), done.stdout + done.stderr
