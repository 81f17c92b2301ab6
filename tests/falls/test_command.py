# SPDX-License-Identifier: Apache-2.0
"""`opaska falls evaluate`: what it prints, and what it says of a folder that it cannot read."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from opaska_tools.cli import app
from tests.support.arm_motion import fall, rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS = (
    *("dataset", "subject", "rec", "file", "age_group", "activity", "label", "fs_hz", "n"),
    *("peak_s", "note"),
)
FIGURES = {
    *("falls", "detected", "sensitivity", "daily", "false", "specificity", "older_daily"),
    *("older_false", "older_specificity", "hours", "false_per_hour", "false_per_16h", "delay_s"),
}
Row = dict[str, Any]


def write(folder: Path, rows: list[Row], arrays: dict[str, Any]) -> Path:
    """A folder of recordings."""
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    np.savez(folder / "one.npz", **arrays)
    return folder


def row(rec: str, label: str, count: int, **changes: Any) -> Row:
    """A row of the index; quoted commas are part of the format."""
    plain: Row = {
        "dataset": "ours",
        "subject": "one",
        "rec": rec,
        "file": "one.npz",
        "age_group": "older",
        "activity": "rise, sit",
        "label": label,
        "fs_hz": 52,
        "n": count,
        "peak_s": "",
        "note": "",
    }
    return plain | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two falls, one of them flagged, and an hour's rest of an older person."""
    falls, quiet = np.array(fall(52, 1), np.int16), np.array(rest(52, 60), np.int16)
    rows = [
        row("a", "fall", len(falls)),
        row("b", "fall", len(falls), note="gap;"),
        row("c", "adl", len(quiet)),
    ]
    return write(tmp_path, rows, {"a__acc": falls, "b__acc": falls, "c__acc": quiet})


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    result = CliRunner().invoke(app, ["falls", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_json_has_every_promised_figure(folder: Path) -> None:
    code, output, _ = run("evaluate", str(folder), "--json", "--jobs", "1")
    figures = json.loads(output)
    assert code == 0
    assert set(figures) >= {"sets", "pooled", "profile", "parameters"}
    ours = figures["sets"]["ours"]
    assert set(ours) >= FIGURES
    assert (ours["falls"], ours["detected"], ours["daily"], ours["false"]) == (1, 1, 1, 0)
    assert (ours["older_daily"], ours["older_specificity"]) == (1, 1.0)
    assert 0 < ours["delay_s"]["p50"] <= ours["delay_s"]["p95"] < 5
    assert figures["flagged"]["ours"]["falls"] == 1, "counted apart"
    assert figures["pooled"]["falls"] == 1


def test_the_same_figures_at_every_run_and_for_people_as_a_table(folder: Path) -> None:
    first, second = (run("evaluate", str(folder), "--jobs", jobs) for jobs in ("1", "2"))
    assert first == second
    assert "ours, flagged" in first[1]
    assert "held for 5 s" in first[1]


def test_clip_and_profile_reach_the_detector(folder: Path) -> None:
    _, output, _ = run("evaluate", str(folder), "--json", "--clip", "0.5", "--profile", "keen")
    figures = json.loads(output)
    assert figures["pooled"]["detected"] == 0, "nothing passes the gate below 1.5 g"
    assert (figures["clip_g"], figures["profile"]) == (0.5, "keen")


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("no index", lambda d: (d / "index.csv").unlink(), "no index.csv"),
    ("empty index", lambda d: (d / "index.csv").write_text(""), "names no recording"),
    ("no column", lambda d: (d / "index.csv").write_text("a,b\n1,2\n"), "no column dataset"),
    ("no file", lambda d: (d / "one.npz").unlink(), "one.npz"),
    ("no archive", lambda d: (d / "one.npz").write_bytes(b"PK\3\4torn"), "cannot be read"),
    ("binary index", lambda d: (d / "index.csv").write_bytes(b"\xff\xfe\0"), "cannot be read"),
    ("label", lambda d: write(d, [row("a", "?", 9)], {}), "write fall or adl"),
    ("rate", lambda d: write(d, [row("a", "adl", 9, fs_hz="fast")], {}), "fs_hz"),
    ("no rate", lambda d: write(d, [row("a", "adl", 9, fs_hz="0")], {}), "fs_hz"),
    ("no samples", lambda d: write(d, [row("a", "adl", 0)], {}), "n is"),
    ("no array", lambda d: write(d, [row("a", "adl", 9)], {}), "no array a__acc"),
    (
        "count",
        lambda d: write(d, [row("a", "adl", 9)], {"a__acc": np.zeros((5, 3), np.int16)}),
        "has 5 samples",
    ),
    (
        "shape",
        lambda d: write(d, [row("a", "adl", 9)], {"a__acc": np.zeros((9, 2), np.int16)}),
        "not int16",
    ),
    (
        "objects",
        lambda d: write(d, [row("a", "adl", 1)], {"a__acc": np.array([{}])}),
        "cannot be read",
    ),
]


@pytest.mark.parametrize(("what", "spoil", "words"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_folder_is_named_and_ends_with_2(
    folder: Path, what: str, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(folder)
    code, output, errors = run("evaluate", str(folder))
    assert (code, output) == (2, ""), what
    assert words in errors
    assert len(errors.strip().splitlines()) == 1
