# SPDX-License-Identifier: Apache-2.0
"""What is exported is what a human labelled, without a way back to a person or a case."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opaska_gateway.care.motion import Window
from opaska_gateway.registry.motion import FallMotion
from opaska_tools.cli import app
from opaska_tools.falls import relabel
from opaska_tools.falls.export import export
from opaska_tools.falls.recordings import read_index
from opaska_tools.falls.relabel import relabelled

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = Window(-260, ((0, 0, 1008),) * 780, 9, 9, ())
FALL = FallMotion(b"w" * 16, b"c" * 16, "raised", 1_000, "yes", WINDOW)


def changed(**changes: object) -> FallMotion:
    return dataclasses.replace(FALL, **changes)  # type: ignore[arg-type]


def test_yes_is_a_fall_and_no_is_none() -> None:
    found = relabelled([FALL, changed(fell="no", case_id=b"d" * 16)])
    assert [one.is_fall for one in found.recordings] == [True, False]
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "cancelled"}, "cancelled"),
        ({"fell": "unknown"}, "unknown to those who were there"),
        ({"window": None}, "without motion"),
    ],
)
def test_what_nobody_knows_is_left_out_and_counted(
    changes: dict[str, object], reason: str
) -> None:
    found = relabelled([changed(**changes), FALL])
    assert len(found.recordings) == 1
    assert found.left_out == {reason: 1}
    assert f"left out: 1 {reason}" in found.words()


def test_one_wearer_is_one_subject_and_another_is_another() -> None:
    other = changed(whose=b"v" * 16, case_id=b"d" * 16)
    found = relabelled([FALL, other, changed(case_id=b"e" * 16)])
    assert [one.subject for one in found.recordings] == ["S001", "S002", "S001"]
    assert len({one.rec for one in found.recordings}) == 3


def test_missing_seconds_and_several_alarms_of_one_case_are_flagged(tmp_path: Path) -> None:
    holed = dataclasses.replace(WINDOW, missing_s=((1.0, 2.5),))
    falls = [changed(window=holed), FALL, changed(fell="no", case_id=b"d" * 16)]
    found = relabelled(falls)
    assert "missing +1.0 to +2.5 s" in found.recordings[0].note
    assert "one of several" in found.recordings[1].note
    export(tmp_path, found.recordings)
    assert [one.flagged for one in read_index(tmp_path)] == [True, True, False]


def test_the_folder_holds_no_id_of_a_person_or_a_case(tmp_path: Path) -> None:
    export(tmp_path, relabelled([FALL]).recordings)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for id_ in (FALL.whose, FALL.case_id or b""):
        assert id_ not in written
        assert id_.hex().encode() not in written


def test_a_folder_in_use_and_an_empty_database_are_refused_in_words(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("")
    words = ["falls", "relabel", "--config", str(config), "--out"]
    used = CliRunner().invoke(app, [*words, str(tmp_path)])
    assert (used.exit_code, "name a new folder" in used.stderr) == (2, True)
    empty = CliRunner().invoke(app, [*words, str(tmp_path / "out")])
    assert (empty.exit_code, "--fall yes" in empty.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(*_: object) -> list[FallMotion]:
        return [FALL]

    monkeypatch.setattr(relabel, "labelled", found)
    config = tmp_path / "gateway.toml"
    config.write_text("")
    out = config / "out"  # in a file
    result = CliRunner().invoke(
        app, ["falls", "relabel", "--config", str(config), "--out", str(out)]
    )
    assert (result.exit_code, "cannot be written" in result.stderr) == (2, True)
