# SPDX-License-Identifier: Apache-2.0
"""`opaska falls check`: parameters that lose a labelled fall are refused, and nothing else is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opaska_tools.cli import app
from opaska_tools.falls.gate import compare
from opaska_tools.falls.parameters import FILE
from opaska_tools.simulator.places import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path


def with_lines(folder: Path, lines: str) -> Path:
    """The present parameters with other lines: the least score of a fall in each profile."""
    file = folder / "new.py"
    file.write_text(re.sub(r"^LINES = \(.*?\)", f"LINES = {lines}", FILE.read_text(), flags=re.M))
    return file


def test_deaf_parameters_are_refused_and_what_they_lose_is_named(tmp_path: Path) -> None:
    deaf = with_lines(tmp_path, "(32000, 32000, 32000)")
    result = CliRunner().invoke(app, ["falls", "check", str(deaf), "--labelled", str(SHIPPED)])
    assert result.exit_code == 1
    assert "lost: synthetic/model/fall_and_lie, profile standard" in result.stdout
    assert "refused" in result.stderr


def test_one_profile_that_loses_one_fall_is_enough(tmp_path: Path) -> None:
    one = compare(with_lines(tmp_path, "(32000, 0, -500)"), SHIPPED)
    assert one.lost
    assert {line.rpartition(" ")[2] for line in one.lost} == {"careful"}


def test_the_same_parameters_lose_nothing(tmp_path: Path) -> None:
    same = compare(FILE, SHIPPED)
    assert (same.lost, same.gained) == ([], [])
    assert same.falls == 3


def test_more_falls_and_more_false_alarms_are_told_and_not_refused(tmp_path: Path) -> None:
    deaf = with_lines(tmp_path, "(32000, 32000, 32000)")
    compared = compare(FILE, SHIPPED, old_file=deaf)
    assert not compared.lost
    assert "synthetic/model/fall_and_lie, profile standard" in compared.gained
    wild = compare(with_lines(tmp_path, "(-32000, -32000, -32000)"), SHIPPED)
    assert wild.false_after > wild.false_before
    assert not wild.lost


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("this is no program", "cannot be read"),
        ("VERSION = 'x'", "no LINES"),
        ("VERSION = 'x'\nLINES = 3", "no LINES"),
        ("VERSION = print('it was run')", "cannot be read"),
    ],
)
def test_a_file_that_holds_no_parameters_is_told_in_words(
    tmp_path: Path, content: str | None, words: str
) -> None:
    file = tmp_path / "new.py"
    if content is not None:
        file.write_text(content)
    result = CliRunner().invoke(app, ["falls", "check", str(file), "--labelled", str(SHIPPED)])
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_wrong_folder_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    words = ["falls", "train", str(SHIPPED), "--labelled", str(tmp_path)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "no index.csv" in result.stderr
