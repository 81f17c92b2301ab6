# SPDX-License-Identifier: Apache-2.0
"""A simulated board that runs a small script instead of the firmware."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from opaska_tools.simulator.band import SimulatedBand
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    Boards = Callable[..., AbstractAsyncContextManager[SimulatedBand]]

SCRIPTS = Path(__file__).parents[1] / "on_micropython"
needs_micropython = requires_program("micropython")


@pytest.fixture
def board(tmp_path: Path) -> Boards:
    """`async with board("pins") as band`: switched on, running board_pins.py."""

    @asynccontextmanager
    async def run(name: str, *, on: bool = True, **options: Any) -> AsyncGenerator[SimulatedBand]:
        folder = options.pop("folder", tmp_path / "band")
        program = SCRIPTS / f"board_{name}.py"
        async with SimulatedBand(folder, program=program, **options) as band:
            if on:
                await band.start()
            yield band

    return run


async def halted(band: SimulatedBand, timeout_s: float = 30.0) -> list[str]:
    """What the script printed until its end, which must be without an exception."""
    await band.until(lambda: band.state == "halted" or None, timeout_s, "the end of the script")
    lines = list(band.log)
    assert not any("Traceback" in line for line in lines), "\n".join(lines)
    return lines
