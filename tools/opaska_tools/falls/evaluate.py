# SPDX-License-Identifier: Apache-2.0
"""Every recording of a folder through the detector that the band carries."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from opaska_tools.falls.band import FallSense, parameters, profile_number
from opaska_tools.falls.figures import Verdict, summarise
from opaska_tools.falls.recordings import read_index
from opaska_tools.falls.stream import alarms, clipped, held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_tools.falls.recordings import Recording

_AT_ONCE = 16  # recordings handed to a process at a time: they share a subject's file


class CountingSense(FallSense):  # type: ignore[misc]  # the band's code has no types here
    """The band's detector, which also counts how often its gate opened."""

    openings = 0

    def judge(self, window: Any, peak_mg: int) -> int:
        """Count, then judge."""
        self.openings += 1
        return int(super().judge(window, peak_mg))


def listen(recording: Recording, profile: int, clip_g: float | None) -> Verdict:
    """One recording through a detector of its own."""
    sense = CountingSense(recording.rate_hz, profile)
    samples = clipped(recording.read(), clip_g)
    samples = held(recording, samples, recording.rate_hz)
    return Verdict(recording, list(alarms(recording, samples, sense)), sense.openings)


def evaluate(
    folder: Path,
    profile: str,
    clip_g: float | None,
    jobs: int,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[str, Any]:
    """The figures of the shipped detector over a folder, the same at every run."""
    recordings = read_index(folder)
    work = partial(listen, profile=profile_number(profile), clip_g=clip_g)
    verdicts: list[Verdict] = []
    with ProcessPoolExecutor(jobs) as pool:
        for verdict in pool.map(work, recordings, chunksize=_AT_ONCE):
            verdicts.append(verdict)
            progress(len(verdicts), len(recordings))
    return {
        **summarise(verdicts),
        "profile": profile,
        "clip_g": clip_g,
        "parameters": parameters(),
    }
