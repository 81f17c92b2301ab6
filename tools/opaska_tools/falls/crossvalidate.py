# SPDX-License-Identifier: Apache-2.0
"""Figures for people whom the learning never saw: five parts of the people, each judged by what
was learned from the other four, by the band's own arithmetic."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_tools.falls.examples import AS_RECORDED, CLIPPED, Examples
from opaska_tools.falls.figures import Verdict, summarise
from opaska_tools.falls.stream import Alarm
from opaska_tools.falls.training import Learned, learn, scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from opaska_tools.falls.recordings import Recording

PARTS = 5
_ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"}


@dataclass
class Judged:
    """Examples of AS_RECORDED and CLIPPED, with the score by those who never saw their person."""

    recordings: list[Recording]
    part_of: NDArray[Any]  # of each recording
    examples: Examples
    score: NDArray[Any]

    def verdicts(self, line: int, *, clip: bool, part: int | None = None) -> list[Verdict]:
        """What a detector with this line would have said of each recording."""
        wanted = self.examples.variation == (CLIPPED if clip else AS_RECORDED)
        if clip:  # long recordings were made at +-2 g and stand as they are
            short = np.unique(self.examples.recording[wanted])
            wanted |= ~np.isin(self.examples.recording, short) & (self.examples.variation == 0)
        alarms: dict[int, list[Alarm]] = {}
        for row in np.flatnonzero(wanted & (self.score >= line)):
            alarm = Alarm(float(self.examples.at_s[row]), float(self.examples.impact_s[row]))
            alarms.setdefault(int(self.examples.recording[row]), []).append(alarm)
        openings = np.bincount(self.examples.recording[wanted], minlength=len(self.recordings))
        return [
            Verdict(recording, sorted(alarms.get(i, []), key=_at), int(openings[i]))
            for i, recording in enumerate(self.recordings)
            if part is None or self.part_of[i] == part
        ]

    def line_for(self, share: float) -> int:
        """The least line at which at most this share of the fallers' daily recordings alarms."""
        fallers = {r.dataset for r in self.recordings if r.is_fall}
        best = np.full(len(self.recordings), -32768)
        recorded = self.examples.variation == AS_RECORDED
        np.maximum.at(best, self.examples.recording[recorded], self.score[recorded])
        daily = [
            int(best[i])
            for i, r in enumerate(self.recordings)
            if r.dataset in fallers and not r.is_fall and not r.flagged
        ]
        return sorted(daily, reverse=True)[int(share * len(daily))] + 1


def cross_validate(
    examples: Examples,
    recordings: list[Recording],
    seed: int,
    jobs: int,
    progress: Callable[[int], None] = lambda _done: None,
) -> tuple[Judged, Learned]:
    """Judge everybody by the others, and learn once from all."""
    part_of = parts(recordings, seed)
    os.environ.update(_ALONE)  # for the children: sums in one order
    score = np.full(len(examples), -32768)
    judged = examples.variation <= AS_RECORDED
    work = partial(_one_part, examples=examples, recordings=recordings, part_of=part_of, seed=seed)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        results = pool.map(work, [*range(PARTS), None])
        for part in range(PARTS):
            theirs = judged & (part_of[examples.recording] == part)
            score[theirs] = next(results)[1]
            progress(part + 1)
        learned = next(results)[0]
        progress(PARTS + 1)
    return Judged(recordings, part_of, examples.where(judged), score[judged]), learned


def parts(recordings: list[Recording], seed: int) -> NDArray[Any]:
    """In which part each recording's person is; every set is spread over all parts."""
    chance = np.random.default_rng(seed)
    part: dict[str, int] = {}
    for dataset in dict.fromkeys(r.dataset for r in recordings):
        people = sorted({r.person for r in recordings if r.dataset == dataset})
        for place, person in enumerate(chance.permutation(people)):
            part[str(person)] = place % PARTS
    return np.array([part[r.person] for r in recordings])


def spread(judged: Judged, line: int) -> dict[str, dict[str, list[float]]]:
    """Sensitivity and specificity of each set, part by part."""
    out: dict[str, dict[str, list[float]]] = {}
    for part in range(PARTS):
        sets = summarise(judged.verdicts(line, clip=False, part=part))["sets"]
        for name, figures in sets.items():
            for kind in ("sensitivity", "specificity"):
                if figures[kind] is not None:
                    out.setdefault(name, {}).setdefault(kind, []).append(figures[kind])
    return out


def _one_part(
    part: int | None,
    examples: Examples,
    recordings: list[Recording],
    part_of: NDArray[Any],
    seed: int,
) -> tuple[Learned, NDArray[Any]]:
    """Learn from all but one part (None: from all) and judge that part."""
    theirs = part_of[examples.recording] == (-1 if part is None else part)
    learned = learn(examples.where(~theirs), recordings, seed)
    return learned, scores(examples.where(theirs & (examples.variation <= AS_RECORDED)), learned)


def _at(alarm: Alarm) -> float:
    return alarm.at_s
