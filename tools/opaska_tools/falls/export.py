# SPDX-License-Identifier: Apache-2.0
"""Writes a folder of recordings, in the format that recordings.py reads."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_tools.falls.recordings import DAILY, FALL, INDEX

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.falls.recordings import Samples

COLUMNS = (
    *("dataset", "subject", "rec", "file", "age", "age_group", "activity", "activity_name"),
    *("label", "fs_hz", "n", "dur_s", "has_gyr", "fall_on_s", "fall_off_s", "peak_s", "peak_g"),
    *("acc_range_g", "note"),
)


@dataclass(frozen=True)
class Exported:
    """A recording to be written."""

    dataset: str
    subject: str
    rec: str
    activity: str
    activity_name: str
    is_fall: bool
    rate_hz: float
    samples: Samples
    note: str = ""

    @property
    def file(self) -> str:
        """Where it lies in the folder."""
        return f"{self.dataset}/{self.subject}.npz"


def export(folder: Path, recordings: list[Exported]) -> None:
    """One .npz per subject, and the index; the same recordings make the same files."""
    for file in sorted({recording.file for recording in recordings}):
        arrays = {
            f"{recording.rec}__acc": recording.samples
            for recording in recordings
            if recording.file == file
        }
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / file, allow_pickle=False, **arrays)
    with (folder / INDEX).open("w", newline="", encoding="utf-8") as lines:
        index = csv.DictWriter(lines, COLUMNS, restval="", lineterminator="\n")
        index.writeheader()
        index.writerows(_row(recording) for recording in recordings)


def _row(recording: Exported) -> dict[str, Any]:
    lengths = np.linalg.norm(recording.samples.astype(np.float64), axis=1)
    peak = int(lengths.argmax())
    return {
        "dataset": recording.dataset,
        "subject": recording.subject,
        "rec": recording.rec,
        "file": recording.file,
        "activity": recording.activity,
        "activity_name": recording.activity_name,
        "label": FALL if recording.is_fall else DAILY,
        "fs_hz": recording.rate_hz,
        "n": len(lengths),
        "dur_s": round(len(lengths) / recording.rate_hz, 2),
        "has_gyr": 0,
        "peak_s": round(peak / recording.rate_hz, 2),
        "peak_g": round(float(lengths[peak]) / 1000, 3),
        "acc_range_g": 16,
        "note": recording.note,
    }
