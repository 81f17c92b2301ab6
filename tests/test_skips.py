# SPDX-License-Identifier: Apache-2.0
"""A skip says what to install, and fails the run when OPASKA_REQUIRE_ALL=1."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

SKIPPING_TESTS = """
import pytest

@pytest.mark.skip(reason="planted mark")
def test_mark(): pass

def test_call(): pytest.skip("planted call")

@pytest.fixture
def absent(): pytest.skip("planted fixture")

def test_fixture(absent): pass

@pytest.mark.xfail
def test_expected_failure_is_no_skip(): assert False
"""

SKIPPING_FILE = """
import pytest
pytest.skip("planted file", allow_module_level=True)
"""

NEEDING_A_PROGRAM = """
from tests.support import requirements

requirements.HOW_TO_GET["nowhere"] = "apt-get install nowhere"

@requirements.requires_program("nowhere")
def test_mark(): pass

def test_call(): requirements.program("nowhere")
"""


def run_planted(folder: Path, source: str, require_all: str) -> subprocess.CompletedProcess[str]:
    """Run one test file under the project's conftest, distributed as `make test` does."""
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (folder / "test_planted.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n1", "-rs", str(folder)],
        cwd=folder,
        env={**os.environ, "OPASKA_REQUIRE_ALL": require_all, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_skipped_tests_fail_the_run_when_everything_is_required(tmp_path: Path) -> None:
    done = run_planted(tmp_path, SKIPPING_TESTS, require_all="1")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 xfailed, 2 errors" in done.stdout  # a skip before the test is an error
    for place in ("mark", "call", "fixture"):
        assert f"allows no skip. {tmp_path}" in done.stdout
        assert f"planted {place}" in done.stdout


def test_skipped_file_fails_the_run_when_everything_is_required(tmp_path: Path) -> None:
    done = run_planted(tmp_path, SKIPPING_FILE, require_all="1")
    assert done.returncode not in (0, 5), done.stdout
    assert "planted file" in done.stdout


def test_missing_program_is_said_aloud_with_its_remedy(tmp_path: Path) -> None:
    done = run_planted(tmp_path, NEEDING_A_PROGRAM, require_all="0")
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout
    assert "needs nowhere: apt-get install nowhere" in done.stdout
