# SPDX-License-Identifier: Apache-2.0
"""`opaska wear evaluate`: the figures of docs/wear.md, on scenes and on recorded wrists."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from opaska_tools.cli import app
from opaska_tools.wear import lived, scenes

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = Path(__file__).parents[3] / "shared" / "data"
HOURS = 1.5  # of recorded wrists in each run of the tests; docs/wear.md has all of them


def evaluated(*options: str) -> Any:
    result = CliRunner().invoke(app, ["wear", "evaluate", "--json", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_scene_is_judged_and_right_but_the_one_that_needs_the_oximeter() -> None:
    figures = evaluated("--seeds", "1")
    named = {scene.name for scene in scenes.SCENES}
    for signals in ("three_signals", "two_signals"):
        rows = figures["scenes"][signals]
        assert {row["scene"] for row in rows} == named
        wrong = {row["scene"] for row in rows if not row["right"]}
        assert wrong == (set() if signals == "three_signals" else {"pulled over the hand"})
    assert figures["daily_life"].startswith("not run")


def test_folder_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["wear", "evaluate", str(tmp_path)])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(not DATA.exists(), reason="needs the recordings: see docs/wear.md")
def test_recorded_wrists_are_never_called_taken_off(tmp_path: Path) -> None:
    with (DATA / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    folder = tmp_path / "some"
    folder.mkdir()
    for name in lived.SETS:
        (folder / name).symlink_to(DATA / name)
    _write(folder / "index.csv", _some(rows))
    figures = evaluated(str(folder), "--seeds", "1", "--jobs", "1")["daily_life"]
    for signals in ("three_signals", "two_signals"):
        assert figures[signals]["hours"] >= 2 * HOURS
        assert figures[signals]["false_taken_off"] == 0
        assert figures[signals]["loose_percent"] < 5


def _some(rows: list[dict[str, str]]) -> Iterable[dict[str, str]]:
    """Of each set as many recordings as last for the wanted hours."""
    for name in lived.SETS:
        seconds = 0.0
        for row in rows:
            long_enough = float(row["dur_s"]) >= lived.SHORTEST_S
            if row["dataset"] == name and long_enough and seconds < HOURS * 3_600:
                seconds += float(row["dur_s"])
                yield row


def _write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    kept = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, kept[0].keys())
        writer.writeheader()
        writer.writerows(kept)
