# SPDX-License-Identifier: Apache-2.0
"""A folder of recorded light: `ppg_index.csv` and an .npz for each person, taken for counts of the
oximeter at 25 Hz. How each set is mapped stands here and in docs/vitals.md."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses.pulse import RATE_HZ
from opaska_tools.falls.recordings import BadFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

INDEX = "ppg_index.csv"
_NEEDED = ("set", "subject", "file")

# ppg_uw: a camera's channels, 0 to 255, at a fingertip. Green stands for infrared.
UW = "uw"
_UW_COUNTS = 2_000  # a step of the camera
_UW_HANDS = ("left", "right")
_UW_OXIMETERS = (1, 2, 4, 5)

# ppg_e4: green light at the wrist, of which the band-pass has left the wave alone. The mean and
# the second colour are made up, so neither contact nor saturation can be judged by it.
E4 = "e4_stresspredict"
_E4_MEAN = 120_000
_E4_COUNTS = 20  # a unit of the E4; most waves become 0.3 to 2 % of the mean
_E4_RED_OF_INFRARED = 0.5  # ratio of ratios
_E4_DELAY_S = 40.0  # its heart rate is a mean over about a minute, and this late


@dataclass(frozen=True)
class Reference:
    """What others measured, once a second; `delay_s` late."""

    pulse_bpm: Values
    spo2_percent: Values | None
    begin_s: float = 0.0
    delay_s: float = 0.0

    def during(self, begin_s: float, end_s: float) -> tuple[float, float] | None:
        """Mean pulse in this time, and how far it moved; None where nothing was measured."""
        first = round(begin_s + self.delay_s - self.begin_s)
        last = round(end_s + self.delay_s - self.begin_s)
        part = self.pulse_bpm[max(first, 0) : last + 1]
        if first < 0 or last >= len(self.pulse_bpm) or not np.isfinite(part).all():
            return None
        return float(part.mean()), float(np.ptp(part))


@dataclass(frozen=True)
class Take:
    """One sensor on one person: counts at RATE_HZ."""

    dataset: str
    subject: str
    sensor: str
    red: NDArray[np.int64]
    infrared: NDArray[np.int64]
    reference: Reference


@dataclass(frozen=True)
class Row:
    """One row of the index."""

    dataset: str
    subject: str
    path: Path

    def read(self) -> list[Take]:
        """Its takes."""
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return _READERS[self.dataset](self, arrays)
        except KeyError as error:
            raise BadFolder(f"{self.path}: no array {error.args[0]}") from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise BadFolder(f"{self.path}: cannot be read as recorded light ({error})") from None


def read_index(folder: Path) -> list[Row]:
    """Every recording that the folder's index names, in its order."""
    path = folder / INDEX
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except FileNotFoundError:
        raise BadFolder(f"{folder}: no {INDEX}; name a folder of recorded light") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFolder(f"{path}: cannot be read ({error})") from None
    if not rows:
        raise BadFolder(f"{path}: names no recording")
    missing = [column for column in _NEEDED if column not in rows[0]]
    if missing:
        raise BadFolder(f"{path}: no column {', '.join(missing)}")
    return [_row(folder, row, f"{path}, line {i + 2}") for i, row in enumerate(rows)]


def _row(folder: Path, row: Mapping[str, Any], where: str) -> Row:
    if row["set"] not in _READERS:
        raise BadFolder(f"{where}: set is {row['set']!r}; known are {', '.join(_READERS)}")
    if not row["file"] or not row["subject"]:
        raise BadFolder(f"{where}: no file or no subject")
    return Row(row["set"], row["subject"], folder / row["file"])


def _read_uw(row: Row, arrays: Mapping[str, Any]) -> list[Take]:
    pulse = _middle([arrays[f"pulse_{number}"] for number in _UW_OXIMETERS])
    spo2 = _middle([arrays[f"spo2_{number}"] for number in _UW_OXIMETERS])
    rate_hz = float(arrays["fs_ppg"])
    takes: list[Take] = []
    for hand in _UW_HANDS:
        colours = np.asarray(arrays[f"{hand}_rgb"], np.float64) * _UW_COUNTS
        if colours.ndim != 2 or colours.shape[1] != 3:
            raise BadFolder(f"{row.path}: {hand}_rgb is {colours.shape}, not N x 3")
        red, green = _at_rate(colours[:, 0], rate_hz), _at_rate(colours[:, 1], rate_hz)
        takes.append(Take(UW, row.subject, hand, red, green, Reference(pulse, spo2)))
    return takes


def _read_e4(row: Row, arrays: Mapping[str, Any]) -> list[Take]:
    wave = np.asarray(arrays["bvp_x10"], np.float64) / 10
    if wave.ndim != 1:
        raise BadFolder(f"{row.path}: bvp_x10 is {wave.shape}, not N")
    rate_hz = float(arrays["fs_bvp"])
    infrared = np.clip(_E4_MEAN - _E4_COUNTS * wave, 0, 0x3FFFF)
    red = np.clip(_E4_MEAN - _E4_COUNTS * _E4_RED_OF_INFRARED * wave, 0, 0x3FFFF)
    begin_s = float(arrays["t0_hr"]) - float(arrays["t0_bvp"])
    pulse = np.asarray(arrays["hr"], np.float64)
    reference = Reference(pulse, None, begin_s, _E4_DELAY_S)
    counts = _at_rate(red, rate_hz), _at_rate(infrared, rate_hz)
    return [Take(E4, row.subject, "wrist", *counts, reference)]


_READERS: dict[str, Callable[[Row, Mapping[str, Any]], list[Take]]] = {
    UW: _read_uw,
    E4: _read_e4,
}


def _middle(several: list[Any]) -> Values:
    count = min(len(one) for one in several)
    values = np.sort(np.array([one[:count] for one in several], np.float64), axis=0)  # NaN last
    known = np.isfinite(values).sum(axis=0)
    seconds = np.arange(count)
    lower, upper = values[np.maximum(known - 1, 0) // 2, seconds], values[known // 2, seconds]
    middle: Values = np.where(known, (lower + upper) / 2, np.nan)
    return middle


def _at_rate(values: Values, rate_hz: float) -> NDArray[np.int64]:
    """Sampled anew at RATE_HZ: means of a fast recording, then straight lines, whole counts."""
    if not RATE_HZ <= rate_hz <= 1000:
        raise BadFolder(f"a rate of {rate_hz} Hz; {RATE_HZ} to 1000 are of use")
    merged = max(1, round(rate_hz / RATE_HZ))
    if merged > 1:
        values = np.convolve(values, np.ones(merged) / merged, "same")
    places = np.arange(int(len(values) * RATE_HZ / rate_hz)) * rate_hz / RATE_HZ
    counts = np.rint(np.interp(places, np.arange(len(values)), values))
    return np.asarray(counts, np.int64)
