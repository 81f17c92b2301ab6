# SPDX-License-Identifier: Apache-2.0
"""How soon the alarm comes when a band is pulled over the hand, its clasp closed, and laid down:
with the real drivers, and samples that are fetched as late as by a processor that sleeps.

The scenes of scenes.py ask the sense alone, which is told at once that nothing moves.
"""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from opaska_protocol.reports import STRAP, WHY_TAKEN_OFF, WORN
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.circuit import Motion
from opaska_tools.simulator.clock import ClockService
from opaska_tools.simulator.places import BOARD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

PROGRAM: Final = BOARD / "programs" / "wear_alone.py"
SEEDS: Final = 20
_RANG: Final = f"alarm {STRAP} {WHY_TAKEN_OFF}"
_IN_VAIN_S: Final = 120
_RATE_HZ: Final = 52.0
_PULL_S: Final = 2
_SWINGS_MG: Final = (120, 400, 900)  # of the arm, to either side
_LIVED_S: Final = (20, 60)  # since the arm began to move
_RESTED_S: Final = (90, 200)


def figures(seeds: int = SEEDS) -> dict[str, Any]:
    """Seconds from when it lies until it rings, the slowest of so many runs; null: not within two
    minutes."""
    return asyncio.run(_figures(range(seeds)))


async def _figures(seeds: Sequence[int]) -> dict[str, Any]:
    arms = {"moving": [await pulled(seed, moves=True) for seed in seeds]}
    arms["unmoved"] = [await pulled(seed, moves=False) for seed in seeds]
    return {"seeds": len(seeds), **{arm: _slowest(took) for arm, took in arms.items()}}


def _slowest(took_s: list[float | None]) -> float | None:
    known = [one for one in took_s if one is not None]
    return round(max(known), 1) if len(known) == len(took_s) else None


async def pulled(seed: int, *, moves: bool, imu_fault: str | None = None) -> float | None:
    """Worn, pulled over the hand, laid down: seconds until the alarm, or None. `moves`: as an arm
    does until it lies, else the accelerometer feels nothing of it; `imu_fault`: it is broken."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    async with worn() as (band, clock):
        await band.imu_fault(imu_fault)
        await clock.run_for(1000 * chance.uniform(*_RESTED_S))
        if moves:
            lived_s = chance.uniform(*_LIVED_S)
            begins_ms = band.circuit.wiring.wear(_arm(lived_s + _PULL_S, chance))
            await clock.run_for(begins_ms - clock.now_ms() + 1000 * lived_s)
            await band.strap(touch="hand")
            await clock.run_for(1000 * _PULL_S)
        await band.strap(touch="air")
        laid_ms = clock.now_ms()
        try:
            await band.wait_log(_RANG, timeout_s=_IN_VAIN_S)
        except TimeoutError:
            return None
        return (clock.now_ms() - laid_ms) / 1000


@asynccontextmanager
async def worn() -> AsyncGenerator[tuple[SimulatedBand, ClockService]]:
    """A band that knows that it is."""
    with TemporaryDirectory(prefix="opaska-wear-") as place:
        async with (
            ClockService() as clock,
            SimulatedBand(Path(place), virtual_clock=clock, program=PROGRAM) as band,
        ):
            await band.start()
            await band.wait_log(f"worn {WORN}")
            yield band, clock


def _arm(seconds: float, chance: random.Random) -> Motion:
    """It swings, and stays as it is at the end."""
    swing_mg = chance.choice(_SWINGS_MG)
    samples: list[tuple[int, int, int]] = []
    for at in range(round(seconds * _RATE_HZ)):
        swing = math.sin(2 * math.pi * 0.9 * at / _RATE_HZ)
        samples.append((round(swing_mg * swing) + chance.randrange(-6, 7), -950, 200))
    return Motion(_RATE_HZ, samples)
