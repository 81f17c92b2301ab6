# SPDX-License-Identifier: Apache-2.0
"""`opaska falls evaluate`: what it prints, and what it says of a folder that it cannot read."""

from __future__ import annotations

import csv
import io
import json
import zipfile
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


def _as_array(folder: Path) -> None:
    """A single array under the name of an archive."""
    np.save(folder / "one.npy", np.zeros((9, 3), np.int16))
    (folder / "one.npy").rename(folder / "one.npz")


def _with_member(name: str, content: bytes) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / "one.npz", "w") as archive:
            archive.writestr(name, content)

    return spoil


def _torn(folder: Path) -> None:
    """Bytes in the middle of a packed array."""
    samples = np.array(fall(52, 1), np.int16)
    np.savez_compressed(folder / "one.npz", allow_pickle=False, a__acc=samples)
    data = bytearray((folder / "one.npz").read_bytes())
    data[60:160] = bytes([255]) * 100
    (folder / "one.npz").write_bytes(data)


def _declared(rows: int) -> bytes:
    """The head of an array, with nothing behind it."""
    head = io.BytesIO()
    shape = {"descr": "<i2", "fortran_order": False, "shape": (rows, 3)}
    np.lib.format.write_array_header_1_0(head, shape)
    return head.getvalue()


def _short_row(folder: Path) -> None:
    index = folder / "index.csv"
    index.write_text("fs_hz,n,label,dataset,subject,rec,age_group,activity,file\n52,9,fall,x\n")


TORN: list[tuple[str, Callable[[Path], object], str]] = [
    ("an array", _as_array, "cannot be read"),
    ("torn", _torn, "cannot be read"),
    ("endless", _with_member("a__acc.npy", _declared(10**12)), "cannot be read"),
    ("no content", _with_member("a__acc.npy", b"no array"), "is no array"),
    ("no .npy", _with_member("a__acc", b"no array"), "is no array"),
    ("short row", _short_row, "line 2: ends before subject, rec, file"),
]


@pytest.mark.parametrize(("what", "spoil", "words"), [*BROKEN, *TORN])
def test_a_broken_folder_is_named_and_ends_with_2(
    folder: Path, what: str, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(folder)
    code, output, errors = run("evaluate", str(folder))
    assert (code, output) == (2, ""), what
    assert words in errors
    assert len(errors.strip().splitlines()) == 1


def test_an_index_of_a_spreadsheet_is_read(folder: Path) -> None:
    index = folder / "index.csv"
    index.write_text(index.read_text(), encoding="utf-8-sig")  # as they save "CSV UTF-8"
    assert run("evaluate", str(folder), "--jobs", "1")[0] == 0


UNUSABLE: list[tuple[list[str], str]] = [
    (["draw", "no.json"], "no such file"),
    (["draw", "index.csv"], "no data of a curve"),
    (["draw", "--output", "nowhere/curve.svg"], "no such file"),
    (["train", ".", "--output", "nowhere/new.py"], "no such folder"),
    (["train", "."], "falls of 1 people"),
    (["evaluate", ".", "--clip", "inf"], "--clip"),
]


@pytest.mark.parametrize(("words", "problem"), UNUSABLE)
def test_what_cannot_be_done_is_said_at_once_and_ends_with_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], problem: str
) -> None:
    monkeypatch.chdir(folder)
    code, output, errors = run(*words)
    assert (code, output) == (2, "")
    assert problem in errors
