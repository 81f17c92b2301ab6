# SPDX-License-Identifier: Apache-2.0
"""From a folder of recordings to the firmware's parameters and to the curve in the documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opaska_tools.falls import parameters
from opaska_tools.falls.crossvalidate import PARTS, Judged, cross_validate, spread
from opaska_tools.falls.curve import CURVE, points
from opaska_tools.falls.examples import collect
from opaska_tools.falls.figures import cases, summarise
from opaska_tools.falls.recordings import BadFolder, fingerprint, read_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_tools.falls.examples import Examples
    from opaska_tools.falls.recordings import Recording

# Where the profiles stand: at most this share of the daily recordings of the sets with falls, made
# to be mistaken for falls, alarms in cross-validation.
PROFILE_SHARES = {"careful": 0.011, "standard": 0.018, "keen": 0.03}


def train(
    folder: Path,
    seed: int,
    output: Path | None,
    curve: Path | None,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """Learn, judge by cross-validation, choose the lines; write parameters and curve."""
    recordings = read_index(folder)
    _refuse_too_few(recordings, folder)
    steps = PARTS + 2
    progress(0, steps)
    examples = collect(recordings, seed, jobs)
    progress(1, steps)
    return make(
        recordings, examples, seed, output or parameters.FILE, curve or CURVE, jobs, progress
    )


def make(
    recordings: list[Recording],
    examples: Examples,
    seed: int,
    output: Path,
    curve: Path,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[Path]:
    """From the examples on."""
    steps = PARTS + 2
    judged, learned = cross_validate(
        examples, recordings, seed, jobs, lambda done: progress(done + 1, steps)
    )
    learned.LINES = tuple(judged.line_for(share) for share in PROFILE_SHARES.values())
    index = fingerprint(recordings)
    output.write_text(parameters.page(learned, index, seed))
    report = {"index": index, "seed": seed, **_report(judged, learned.LINES)}
    curve.write_text(json.dumps(report, indent=1) + "\n")
    return [output, curve]


def _refuse_too_few(recordings: list[Recording], folder: Path) -> None:
    """Each part of the people is judged by the others: all of them need both kinds."""
    for is_fall, what in ((True, "falls"), (False, "daily life")):
        people = {recording.person for recording in recordings if recording.is_fall == is_fall}
        if len(people) < PARTS:
            raise BadFolder(f"{folder}: {what} of {len(people)} people; learning needs {PARTS}")


def _report(judged: Judged, lines: tuple[int, ...]) -> dict[str, Any]:
    profiles = {}
    for name, line in zip(PROFILE_SHARES, lines, strict=True):
        profiles[name] = {
            "line": line,
            "as_recorded": summarise(judged.verdicts(line, clip=False)),
            "clipped_to_2_g": summarise(judged.verdicts(line, clip=True)),
            "parts": spread(judged, line),
            "cases": cases(judged.verdicts(line, clip=False)),
        }
    return {"profiles": profiles, "curve": points(judged)}
