# SPDX-License-Identifier: Apache-2.0
"""How often the accelerometer may wake the processor: `opaska bench wakes`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from opaska_tools.body_model import make
from opaska_tools.cli import app
from opaska_tools.falls.export import export
from opaska_tools.simulator.places import SHIPPED
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

WATERMARKS = 3_600 / 8  # an hour; the chip tells no later that samples wait


def wakes(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["bench", "wakes", *words])
    return result.exit_code, result.output


def figures(folder: Path, name: str, times: int) -> dict[str, Any]:
    """Of so many repetitions of a shipped movement."""
    story = make(name)
    export(folder, [replace(story, samples=np.tile(story.samples, (times, 1)))])
    code, output = wakes(str(folder), "--set", "synthetic", "--json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    assert (found["falls"], found["troubles"]) == (0, 0)
    return found


@requires_program("micropython")
@pytest.mark.parametrize(("name", "times"), [("walk", 8), ("clap", 10), ("hit_table", 10)])
def test_whatever_the_arm_does_wakes_are_few(tmp_path: Path, name: str, times: int) -> None:
    found = figures(tmp_path, name, times)
    assert found["drains_per_hour"] < 3_600 / 3.5, "an impact is drained when it can be decided"
    assert found["wakes_per_hour"] < 2.2 * found["drains_per_hour"], "INT1, and then the drain"


@requires_program("micropython")
def test_a_night_wakes_it_when_somebody_turns_over(tmp_path: Path) -> None:
    assert figures(tmp_path, "night", 3)["wakes_per_hour"] < WATERMARKS / 2


def test_a_set_that_is_not_there_is_told_with_those_that_are() -> None:
    code, output = wakes(str(SHIPPED), "--set", "wisdm")
    assert code == 2
    assert "there is synthetic" in output
