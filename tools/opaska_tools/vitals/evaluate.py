# SPDX-License-Identifier: Apache-2.0
"""Recorded light through the sense that the band carries, measurement after measurement."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses.pulse import GOOD_PERCENT, LONGEST_S, RATE_HZ, PulseSense
from opaska_tools.vitals.figures import summarise
from opaska_tools.vitals.recordings import read_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_tools.vitals.recordings import Row, Take


@dataclass(frozen=True)
class Window:
    """One measurement, and what the reference says of the same time."""

    pulse_bpm: int | None  # None: not accepted
    took_s: float
    reference_bpm: float
    reference_moved_bpm: float  # in the two minutes


@dataclass(frozen=True)
class Heard:
    """A take, measured."""

    dataset: str
    subject: str
    sensor: str
    windows: list[Window]
    ratios: list[tuple[float, float]]  # (ratio of ratios, reference's saturation)
    segments: int  # that could have given a ratio


def listen(row: Row) -> list[Heard]:
    """All takes of one person."""
    return [_measure(take) for take in row.read()]


def evaluate(
    folder: Path, jobs: int, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> dict[str, Any]:
    """The figures of the shipped sense over a folder, the same at every run."""
    rows = read_index(folder)
    heard: list[Heard] = []
    with ProcessPoolExecutor(jobs) as pool:
        for done, takes in enumerate(pool.map(listen, rows), 1):
            heard += takes
            progress(done, len(rows))
    return summarise(heard)


def _measure(take: Take) -> Heard:
    """Each two minutes are one measurement of the band, begun anew, ended when it is good."""
    windows: list[Window] = []
    length = LONGEST_S * RATE_HZ
    pairs = list(zip(take.red.tolist(), take.infrared.tolist(), strict=True))
    for begin in range(0, len(pairs) - length + 1, length):
        sense = PulseSense()
        best_at = end = begin
        best = sense.best
        for end in range(begin, begin + length):
            sense.feed(*pairs[end])
            if sense.best != best:
                best, best_at = sense.best, end
            if best[0] >= GOOD_PERCENT:
                break
        told = best_at if best[0] else end
        begin_s, took_s = begin / RATE_HZ, (end + 1 - begin) / RATE_HZ
        same_time = take.reference.during(begin_s, told / RATE_HZ)
        whole = take.reference.during(begin_s, begin_s + LONGEST_S)
        if same_time and whole:
            windows.append(Window(best[1], took_s, same_time[0], whole[1]))
    ratios, segments = _trend(take, pairs)
    return Heard(take.dataset, take.subject, take.sensor, windows, ratios, segments)


def _trend(take: Take, pairs: list[tuple[int, int]]) -> tuple[list[tuple[float, float]], int]:
    """Ratio against saturation, where somebody measured it."""
    spo2 = take.reference.spo2_percent
    if spo2 is None:
        return [], 0
    sense = PulseSense()
    ratios: list[tuple[float, float]] = []
    segments = 0
    for number, pair in enumerate(pairs):
        second = number // RATE_HZ
        if not sense.feed(*pair) or second >= len(spo2):
            continue
        segments += 1
        if sense.ratio and np.isfinite(spo2[second]):
            ratios.append((sense.ratio / 1000, float(spo2[second])))
    return ratios, segments
