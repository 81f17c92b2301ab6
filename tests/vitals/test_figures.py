# SPDX-License-Identifier: Apache-2.0
"""What docs/vitals.md says of recordings, on some of them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from opaska_tools.vitals.evaluate import evaluate

DATA = Path(__file__).parents[3] / "shared" / "data"
SOME = ("100002", "100003", "100004", "S01", "S06", "S09", "S13", "S16")


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
def test_recorded_hearts_are_told_as_the_document_says(tmp_path: Path) -> None:
    with (DATA / "ppg_index.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["subject"] in SOME]
    for row in rows:
        row["file"] = str(DATA / row["file"])
    with (tmp_path / "ppg_index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    sets = evaluate(tmp_path, 2)["sets"]
    uw, e4 = sets["uw"], sets["e4_stresspredict"]
    assert uw["mae_bpm"] <= 2
    assert uw["accepted_share"] >= 0.8
    assert uw["saturation"]["trend_right"] == uw["saturation"]["with_trend"] == 6
    assert e4["within_5_bpm_share"] >= 0.9
    assert e4["accepted_share"] >= 0.5
