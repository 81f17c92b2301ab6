# SPDX-License-Identifier: Apache-2.0
"""Where a band's heap goes: what each module takes when it is imported, and what is made of them.

The image is that of a real band, in 256 KB. The tables of names grow by doubling, so they are
counted apart. `stand-ins` are what a real band does not have: the simulated board beyond what
MicroPython's own asyncio takes, measured on a bare MicroPython.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from opaska_tools.simulator.places import BOARD, micropython

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROGRAM = BOARD / "programs" / "heap_by_module.py"
HEAP = "256K"
NAMES = "tables of names"
_BARE = """
import asyncio, gc, micropython
asyncio.sleep_ms
gc.collect()
print("heap", gc.mem_alloc(), gc.mem_free(), "bare")
micropython.qstr_info()
"""
_TOLD = re.compile(
    r"^heap (\d+) (\d+) (\w+) ?(\S*)\n"
    r"qstr pool: .*n_qstr=(\d+), n_str_data_bytes=(\d+), n_total_bytes=(\d+)$",
    re.MULTILINE,
)
_STARTED_S = 30.0  # virtual; the program tells before
_KEY = bytes(16)


def run() -> dict[str, Any]:
    """The figures of `opaska bench heap`, in bytes."""
    return asyncio.run(measured())


async def measured() -> dict[str, Any]:
    """The same, for whoever runs already."""
    return figures(await _printed(), await asyncio.to_thread(_bare))


async def _printed() -> list[str]:
    with TemporaryDirectory(prefix="opaska-heap-") as place:
        async with (
            ClockService() as clock,
            SimulatedBand(
                Path(place), heap=HEAP, virtual_clock=clock, program=PROGRAM, linked=True
            ) as band,
        ):
            band.provision(_KEY[:8], 1, _KEY)
            await band.start()
            await clock.run_for(_STARTED_S * 1000)
            return list(band.log)


def _bare() -> str:
    command = [micropython(), "-X", f"heapsize={HEAP}", "-c", _BARE]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def figures(lines: list[str], bare: str) -> dict[str, Any]:
    """What the lines of the program say."""
    told = list(_told("\n".join(lines)))
    kinds = [kind for kind, *_ in told]
    if kinds[:1] != ["begin"] or "whole" not in kinds:
        raise RuntimeError("the band did not tell of its heap; it printed:\n" + "\n".join(lines))
    _, _, before, _, _, _ = told[0]
    _, _, used, free, names, tables = told[kinds.index("whole")]
    modules = dict(_modules(told))
    by_group = {"before the firmware": before, "firmware": 0, "simulated": 0}
    by_group["asyncio"] = 0
    for name, took in modules.items():
        by_group[_group(name)] += took
    by_group["objects and tasks"] = used - sum(by_group.values())
    (_, _, core, _, _, _) = next(_told(bare))
    largest = sorted(modules.items(), key=lambda item: -item[1])
    return {
        "free": free,
        "stand-ins": before + by_group["simulated"] - core,
        "used": used + tables,
        "names": names,
        NAMES: tables,
        **by_group,
        "modules": dict(largest),
    }


def _told(text: str) -> Iterator[tuple[str, str, int, int, int, int]]:
    """(kind, module, bytes used but for the tables of names, bytes free, names, their tables)"""
    for used, free, kind, module, names, letters, total in _TOLD.findall(text):
        tables = int(total) - int(letters)
        yield kind, module, int(used) - tables, int(free), int(names), tables


def _modules(told: Iterable[tuple[str, str, int, int, int, int]]) -> Iterator[tuple[str, int]]:
    """What each took, without what it imported itself."""
    open_imports: list[tuple[int, int]] = []  # (used before, taken by imports within)
    inner = 0
    for kind, module, used, *_ in told:
        if kind == "import":
            open_imports.append((used, inner))
            inner = 0
        elif kind == "module":
            before, outer = open_imports.pop()
            took = used - before
            if module:
                yield module, took - inner
                inner = outer + took
            else:
                inner += outer


def _group(module: str) -> str:
    top = module.partition(".")[0]
    return {"opaska_band": "firmware", "opaska_protocol": "firmware", "asyncio": "asyncio"}.get(
        top, "simulated"
    )
