# SPDX-License-Identifier: Apache-2.0
"""A folder of recordings: `index.csv`, and an .npz per subject with `<rec>__acc` in milli-g."""

from __future__ import annotations

import csv
import hashlib
import math
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Samples = NDArray[np.int16]  # milli-g, one row of x, y, z per sample

INDEX = "index.csv"
LEAST_HZ = 10.0
MOST_HZ = 200.0
FALL = "fall"
DAILY = "adl"
OLDER = "older"
_UNREADABLE = (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)
_NEEDED = ("dataset", "subject", "rec", "file", "age_group", "activity", "label", "fs_hz", "n")


class BadFolder(Exception):
    """The folder cannot be read; the text says what is wrong and where."""


@dataclass(frozen=True)
class Recording:
    """One row of the index."""

    folder: Path
    dataset: str
    subject: str
    rec: str
    file: str
    age_group: str
    activity: str  # in words where the index has them
    is_fall: bool
    rate_hz: float
    count: int  # samples
    peak_s: float | None  # of the strongest sample, None where the index does not say
    peak_g: float | None
    flagged: bool  # the note names a doubt about the recording

    @property
    def person(self) -> str:
        """Whom a split must not tear apart."""
        return f"{self.dataset}/{self.subject}"

    @property
    def name(self) -> str:
        """For messages, and for the seed of what is random."""
        return f"{self.dataset}/{self.subject}/{self.rec}"

    @property
    def is_older(self) -> bool:
        """Whether an older person wore the band."""
        return self.age_group == OLDER

    def read(self) -> Samples:
        """Its samples."""
        path = self.folder / self.file
        try:
            samples = _load(path)[f"{self.rec}__acc"]
        except KeyError:
            raise BadFolder(f"{path}: no array {self.rec}__acc, which {INDEX} names") from None
        except _UNREADABLE as error:
            raise BadFolder(f"{path}: cannot be read as .npz ({error})") from None
        if samples.ndim != 2 or samples.shape[1] != 3 or samples.dtype != np.int16:
            raise BadFolder(
                f"{path}: {self.rec}__acc is {samples.dtype} {samples.shape}, not int16 N x 3"
            )
        if len(samples) != self.count:
            raise BadFolder(
                f"{path}: {self.rec}__acc has {len(samples)} samples, {INDEX} says {self.count}"
            )
        return samples


def read_index(folder: Path) -> list[Recording]:
    """Every recording of acceleration that the folder's index names, in its order."""
    path = folder / INDEX
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except FileNotFoundError:
        raise BadFolder(f"{folder}: no {INDEX}; name a folder of recordings") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFolder(f"{path}: cannot be read ({error})") from None
    if not rows:
        raise BadFolder(f"{path}: names no recording")
    missing = [column for column in _NEEDED if column not in rows[0]]
    if missing:
        raise BadFolder(f"{path}: no column {', '.join(missing)}")
    return [_recording(folder, row, f"{path}, line {i + 2}") for i, row in enumerate(rows)]


def fingerprint(recordings: list[Recording]) -> str:
    """Twelve digits that change when the folder's index does."""
    return hashlib.sha256((recordings[0].folder / INDEX).read_bytes()).hexdigest()[:12]


def _recording(folder: Path, row: Mapping[str, Any], where: str) -> Recording:
    short = [column for column in _NEEDED if row[column] is None]
    if short:
        raise BadFolder(f"{where}: ends before {', '.join(short)}")
    label = row["label"]
    if label not in {FALL, DAILY}:
        raise BadFolder(f"{where}: label is {label!r}; write {FALL} or {DAILY}")
    rate_hz = _number(row, "fs_hz", where)
    if not LEAST_HZ <= rate_hz <= MOST_HZ:
        raise BadFolder(f"{where}: fs_hz is {rate_hz}; write {LEAST_HZ:.0f} to {MOST_HZ:.0f}")
    count = _number(row, "n", where)
    if count < 1 or count != int(count):
        raise BadFolder(f"{where}: n is {row['n']}; write the number of samples")
    return Recording(
        folder=folder,
        dataset=row["dataset"],
        subject=row["subject"],
        rec=row["rec"],
        file=row["file"],
        age_group=row["age_group"],
        activity=row.get("activity_name") or row["activity"],
        is_fall=label == FALL,
        rate_hz=rate_hz,
        count=int(count),
        peak_s=_number(row, "peak_s", where) if row.get("peak_s") else None,
        peak_g=_number(row, "peak_g", where) if row.get("peak_g") else None,
        flagged=bool((row.get("note") or "").strip()),
    )


def _number(row: Mapping[str, Any], column: str, where: str) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise BadFolder(f"{where}: {column} is {row[column]!r}; write a number")
    return value


@lru_cache(maxsize=2)
def _load(path: Path) -> dict[str, Samples]:
    with path.open("rb") as file:
        archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
        return {name: _array(archive, name) for name in archive.files if name.endswith("__acc")}


def _array(archive: Mapping[str, Any], name: str) -> Samples:
    array = archive[name]
    if not isinstance(array, np.ndarray):  # NumPy hands out the bytes of what it does not know
        raise ValueError(f"{name} is no array")
    return array
