# SPDX-License-Identifier: Apache-2.0
"""A band in virtual time, and a small gateway that answers it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from tests.band.conftest import KEY, KID
from tests.support.small_gateway import SmallGateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.small_gateway import Arrival

DIAL_MS = 60_000  # the network may take so long; and so a CONNECT that is lost is waited for
WAIT_MS = 2 * DIAL_MS


@contextlib.asynccontextmanager
async def virtual_band(
    folder: Path,
) -> AsyncGenerator[tuple[ClockService, SmallGateway, SimulatedBand]]:
    """Not started yet."""
    async with (
        ClockService() as clock,
        SmallGateway(KID, 1, KEY) as gateway,
        SimulatedBand(folder, gateway.address, virtual_clock=clock) as band,
    ):
        band.provision(KID, 1, KEY)
        yield clock, gateway, band


async def wait_for(clock: ClockService, gateway: SmallGateway, type_: int | None) -> list[Arrival]:
    """Reports of that type, or any; none if two minutes bring none."""
    end_ms = clock.now_ms() + WAIT_MS
    while clock.now_ms() < end_ms:
        found = list(gateway.arrivals.values()) if type_ is None else gateway.of_type(type_)
        if found:
            return found
        await clock.run_for(500)
        await asyncio.sleep(0)
    return []
