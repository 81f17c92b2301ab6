# SPDX-License-Identifier: Apache-2.0
"""`opaska vitals evaluate`: what it prints, and what it says of a folder that it cannot read."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hardware.simulated.optics import AIR, Pulse
from opaska_tools.cli import app
from tests.support.light import counts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SECONDS = 245
COLUMNS: tuple[str, ...] = ("set", "subject", "file", "dur_s", "licence")
Row = dict[str, Any]


def wave(bpm: float) -> NDArray[np.float64]:
    """The beats of a heart at 32 Hz, around nothing."""
    source = Pulse(heart_rate_bpm=bpm, baseline_swing_percent=0)
    light = [source.light(1000 * i / 32).infrared for i in range(32 * SECONDS)]
    return np.array(light, np.float64) - sum(light) / len(light)


def camera(bpm: float, told_bpm: float) -> dict[str, Any]:
    """A person of ppg_uw, whose oximeters tell `told_bpm`."""
    pairs = np.array(counts(Pulse(heart_rate_bpm=bpm), SECONDS))
    rgb = np.column_stack([pairs[:, 0], pairs[:, 1], pairs[:, 1]]) / 2000
    nothing = np.array(counts(AIR, SECONDS))
    air = np.column_stack([nothing[:, 0], nothing[:, 1], nothing[:, 1]]) / 2000
    seconds = np.full(SECONDS, 0.0)
    return {
        "fs_ppg": 25.0,
        "left_rgb": rgb.astype(np.float32),
        "right_rgb": air.astype(np.float32),
        **{f"pulse_{i}": (seconds + told_bpm).astype(np.float32) for i in (1, 2, 4, 5)},
        **{f"spo2_{i}": (seconds + 97).astype(np.float32) for i in (1, 2, 4, 5)},
    }


def wrist(bpm: float, told_bpm: float) -> dict[str, Any]:
    """A person of ppg_e4."""
    return {
        "bvp_x10": np.rint(-800 * wave(bpm)).astype(np.int16),
        "fs_bvp": 32.0,
        "t0_bvp": 100.0,
        "hr": np.full(SECONDS + 60, told_bpm, np.float32),
        "fs_hr": 1.0,
        "t0_hr": 110.0,
    }


def write(folder: Path, rows: list[Row]) -> Path:
    with (folder / "ppg_index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def row(dataset: str, file: str, **changes: Any) -> Row:
    plain = {"set": dataset, "subject": "one", "file": file, "dur_s": "", "licence": "ours"}
    return plain | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "camera.npz", **camera(64, 64))
    np.savez(tmp_path / "wrist.npz", **wrist(72, 80))
    return write(tmp_path, [row("uw", "camera.npz"), row("e4_stresspredict", "wrist.npz")])


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    result = CliRunner().invoke(app, ["vitals", "evaluate", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_json_tells_accepted_windows_and_errors_as_they_are(folder: Path) -> None:
    code, output, _ = run(str(folder), "--json", "--jobs", "1")
    sets = json.loads(output)["sets"]
    assert code == 0
    uw, e4 = sets["uw"], sets["e4_stresspredict"]
    assert (uw["people"], uw["takes"], uw["windows"], uw["accepted"]) == (1, 2, 4, 2)
    assert uw["by_take"]["one right"]["accepted"] == 0, "air"
    assert uw["mae_bpm"] < 1
    assert uw["within_5_bpm_share"] == 1.0
    assert e4["accepted"] == e4["windows"] >= 1
    assert e4["bias_bpm"] == pytest.approx(-8, abs=1.5), "the reference was made 8 too high"
    assert e4["within_5_bpm_share"] == 0.0
    assert e4["saturation"] is None
    assert uw["saturation"]["takes"] == 1, "air has no segments"
    assert uw["saturation"]["with_trend"] == 0, "nothing changed"


def test_the_same_figures_at_every_run_and_for_people_as_a_table(folder: Path) -> None:
    first, second = (run(str(folder), "--jobs", jobs) for jobs in ("1", "2"))
    assert first == second
    assert "reference steady" in first[1]
    assert "orientation value" in first[1]


def spoilt(folder: Path, **arrays: Any) -> None:
    np.savez(folder / "camera.npz", **(camera(64, 64) | arrays))


BROKEN: list[tuple[str, Callable[[Path], object], str]] = [
    ("no index", lambda d: (d / "ppg_index.csv").unlink(), "no ppg_index.csv"),
    ("empty index", lambda d: (d / "ppg_index.csv").write_text(""), "names no recording"),
    ("no column", lambda d: (d / "ppg_index.csv").write_text("a,b\n1,2\n"), "no column set"),
    ("binary index", lambda d: (d / "ppg_index.csv").write_bytes(b"\xff\xfe\0"), "cannot be read"),
    ("unknown set", lambda d: write(d, [row("ours", "camera.npz")]), "set is 'ours'"),
    ("no name", lambda d: write(d, [row("uw", "")]), "no file"),
    ("no file", lambda d: (d / "camera.npz").unlink(), "camera.npz"),
    ("no archive", lambda d: (d / "camera.npz").write_bytes(b"PK\3\4torn"), "cannot be read"),
    ("another file", lambda d: write(d, [row("uw", "wrist.npz")]), "no array pulse_1"),
    ("shape", lambda d: spoilt(d, left_rgb=np.zeros((9, 2))), "not N x 3"),
    ("slow", lambda d: spoilt(d, fs_ppg=5.0), "rate of 5.0 Hz"),
    ("no rate", lambda d: spoilt(d, fs_ppg=float("nan")), "rate of nan Hz"),
    ("objects", lambda d: spoilt(d, left_rgb=np.array([{}])), "cannot be read"),
]


@pytest.mark.parametrize(("what", "spoil", "words"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_folder_is_named_and_ends_with_2(
    folder: Path, what: str, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(folder)
    code, output, errors = run(str(folder), "--jobs", "1")
    assert (code, output) == (2, ""), what
    assert words in errors
    assert len(errors.strip().splitlines()) == 1
