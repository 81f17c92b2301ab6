# SPDX-License-Identifier: Apache-2.0
"""`opaska falls replay`: one recording through a whole band, and what it says of wrong names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opaska_tools.body_model import make
from opaska_tools.cli import app
from opaska_tools.falls.export import export
from opaska_tools.falls.recordings import BadFolder
from opaska_tools.falls.replay import choose
from opaska_tools.simulator.places import SHIPPED
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path


def replay(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["falls", "replay", *words])
    return result.exit_code, result.output


@requires_program("micropython")
def test_a_fall_is_announced_raised_and_its_motion_comes_in_this_order() -> None:
    code, output = replay(str(SHIPPED / "index.csv"), "fall_and_lie")
    assert code == 0, output
    steps = ("recording begins", "strongest sample", "announced", "alarm: deadline", "motion: ")
    places = [output.index(step) for step in steps]
    assert places == sorted(places)
    times = [float(line[:8]) for line in output.splitlines()[:-1]]
    assert times == sorted(times)
    assert output.splitlines()[-1].endswith("labelled a fall; announced 1, raised 1")


@requires_program("micropython")
def test_a_band_that_does_not_do_what_the_label_asks_ends_in_exit_1(tmp_path: Path) -> None:
    walk = make("walk")
    export(tmp_path, [replace(walk, is_fall=True)])
    code, output = replay(str(tmp_path), "walk")
    assert (code, "announced 0, raised 0" in output) == (1, True), output


def test_a_name_is_found_alone_or_with_its_subject_and_set() -> None:
    for name in ("walk", "model/walk", "synthetic/model/walk"):
        assert choose(SHIPPED, name).rec == "walk"


@pytest.mark.parametrize(
    ("place", "name", "words"),
    [
        (SHIPPED, "wlak", "there is synthetic/model/"),
        (SHIPPED, "fall", "there is synthetic/model/fall_and_lie"),
        (SHIPPED.parent, "walk", "no index.csv"),
    ],
)
def test_a_wrong_name_or_folder_is_exit_2_with_advice(place: Path, name: str, words: str) -> None:
    code, output = replay(str(place), name)
    assert (code, words in output) == (2, True), output


def test_a_name_that_fits_several_is_refused_with_their_whole_names(tmp_path: Path) -> None:
    walk = make("walk")
    other = replace(walk, subject="other")
    export(tmp_path, [walk, other])
    with pytest.raises(BadFolder, match="2 recordings; write synthetic/model/walk"):
        choose(tmp_path, "walk")
    assert choose(tmp_path, "other/walk").subject == "other"


def test_a_broken_file_is_told_before_anything_starts(tmp_path: Path) -> None:
    export(tmp_path, [make("walk")])
    (tmp_path / "synthetic" / "model.npz").write_bytes(b"no archive")
    code, output = replay(str(tmp_path), "walk")
    assert (code, "cannot be read as .npz" in output) == (2, True), output
