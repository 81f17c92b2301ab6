# SPDX-License-Identifier: Apache-2.0
"""How often the processor wakes for the accelerometer: recordings of daily life through the
simulated chip, the driver and the detector, in virtual time and with nothing else of the band."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.falls.recordings import BadFolder, Recording, read_index
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from opaska_tools.simulator.places import BOARD

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = BOARD / "programs" / "falls_alone.py"
_TOLD_MS = 60_000  # the program prints its counts so often
_HOUR_MS = 3_600_000


def run(folder: Path, dataset: str, hours: float) -> dict[str, Any]:
    """The figures of `opaska bench wakes`. BadFolder."""
    recordings = choose(folder, dataset, hours)
    return {"recordings": len(recordings), **asyncio.run(_measure(recordings))}


def choose(folder: Path, dataset: str, hours: float) -> list[Recording]:
    """About so many hours of the set's daily life, drawn evenly over the index."""
    index = read_index(folder)
    daily = [one for one in index if one.dataset == dataset and not one.is_fall]
    if not daily:
        sets = ", ".join(sorted({one.dataset for one in index}))
        raise BadFolder(f"{folder}: no daily life of a set {dataset}; there is {sets}")
    whole_h = sum(one.count / one.rate_hz for one in daily) / 3600
    kept = max(1, round(len(daily) * min(1.0, hours / whole_h)))
    return [daily[at * len(daily) // kept] for at in range(kept)]


async def _measure(recordings: Iterable[Recording]) -> dict[str, Any]:
    """One after the other, on the same arm."""
    with TemporaryDirectory(prefix="opaska-wakes-") as place:
        async with (
            ClockService() as clock,
            SimulatedBand(Path(place), virtual_clock=clock, program=PROGRAM) as band,
        ):
            await band.start()
            await band.wait_log("ready")
            for recording in recordings:
                await band.wear(recording)
                await clock.run_for(recording.count * 1000 / recording.rate_hz)
            await clock.run_for(_TOLD_MS)
            return _figures([line.split() for line in band.log])


def _figures(lines: list[list[str]]) -> dict[str, Any]:
    latest = [line for line in lines if line[0] == "counts"][-1]
    ms, wakes, drains = (int(word) for word in latest[1:])
    return {
        "hours": round(ms / _HOUR_MS, 2),
        "wakes_per_hour": wakes * _HOUR_MS // ms,
        "drains_per_hour": drains * _HOUR_MS // ms,
        "knocks_per_hour": round(_times(lines, "knock") * _HOUR_MS / ms, 2),
        "falls": _times(lines, "fall"),
        "troubles": _times(lines, "trouble"),
    }


def _times(lines: list[list[str]], word: str) -> int:
    return len([line for line in lines if line[0] == word])
