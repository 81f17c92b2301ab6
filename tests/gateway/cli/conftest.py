# SPDX-License-Identifier: Apache-2.0
"""Runs commands in this process, each on the same settings file in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from opaska_gateway.cli import app

Run = Callable[..., Result]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text("", encoding="utf-8")
    return file


@pytest.fixture
def run(settings_file: Path) -> Generator[Run]:
    """`run("bands", "list")` -> exit code, stdout, stderr."""
    umask = os.umask(0o022)
    runner = CliRunner()

    def invoke(*words: str) -> Result:
        result = runner.invoke(app, words, env={"OPASKA_CONFIG": str(settings_file)})
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    yield invoke
    os.umask(umask)
