# SPDX-License-Identifier: Apache-2.0
"""Where a band's heap goes: what each module takes when it is imported, and what is made of them.

The image is that of a real band, in 256 KB. A module that happens to let a table of names grow is
charged with it; `names` says how many there are.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from opaska_tools.simulator.places import BOARD

if TYPE_CHECKING:
    from collections.abc import Iterable

PROGRAM = BOARD / "programs" / "heap_by_module.py"
_STARTED_S = 30.0  # virtual; the program tells before
_KEY = bytes(16)


def run() -> dict[str, Any]:
    """The figures of `opaska bench heap`, in bytes."""
    return figures(asyncio.run(_printed()))


async def _printed() -> list[str]:
    with TemporaryDirectory(prefix="opaska-heap-") as place:
        async with (
            ClockService() as clock,
            SimulatedBand(Path(place), virtual_clock=clock, program=PROGRAM, linked=True) as band,
        ):
            band.provision(_KEY[:8], 1, _KEY)
            await band.start()
            await clock.run_for(_STARTED_S * 1000)
            return list(band.log)


def figures(lines: Iterable[str]) -> dict[str, Any]:
    """What the lines of the program say."""
    text = "\n".join(lines)
    begin = int(_found(r"^begin (\d+)", text)[0])
    used, free = map(int, _found(r"^whole (\d+) (\d+)", text))
    names = int(_found(r"n_qstr=(\d+)", text)[0])
    modules = {
        name: int(took) for name, took in re.findall(r"^module (\S+) (-?\d+)", text, re.MULTILINE)
    }
    by_group = {"before the firmware": begin, "firmware": 0, "protocol": 0, "simulated": 0}
    by_group["asyncio"] = 0
    for name, took in modules.items():
        by_group[_group(name)] += took
    by_group["objects and tasks"] = used - sum(by_group.values())
    largest = sorted(modules.items(), key=lambda item: -item[1])
    return {"free": free, "used": used, "names": names, **by_group, "modules": dict(largest)}


def _group(module: str) -> str:
    top = module.partition(".")[0]
    return {"opaska_band": "firmware", "opaska_protocol": "protocol", "asyncio": "asyncio"}.get(
        top, "simulated"
    )


def _found(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"the band did not tell {pattern!r}; it printed:\n{text}")
    return found.groups()
