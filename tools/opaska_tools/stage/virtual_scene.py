# SPDX-License-Identifier: Apache-2.0
"""A band and the real gateway in virtual time; an hour takes seconds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opaska_gateway import clock as gateway_clock
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from opaska_tools.stage import virtual_gateway
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.registration import register_many
from opaska_tools.stage.stored import rows

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class VirtualScene:
    """Switched on; the band has begun to start."""

    clock: ClockService
    gateway: Gateway
    band: SimulatedBand
    kid: str

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What stands in the gateway's database."""
        return rows(self.gateway.database_file, query, *values)


class _VirtualTime(gateway_clock.SystemSource):
    def __init__(self, clock: ClockService) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        return self._clock.utc_ms()


@asynccontextmanager
async def virtual_scene(folder: Path) -> AsyncGenerator[VirtualScene]:
    """One band on somebody's wrist, and a gateway without a centre."""
    async with ClockService() as clock:
        gateway = Gateway(folder / "gateway", command=virtual_gateway.command(clock))
        gateway.write_config()
        with gateway_clock.driven_by(_VirtualTime(clock)):  # else nobody wears it yet
            (worn,) = await register_many(gateway, 1)
        await gateway.spawn()
        try:
            await clock.joined(virtual_gateway.NAME)
            await gateway.ready()  # time stands still meanwhile
            address = ("127.0.0.1", gateway.broker_port)
            async with SimulatedBand(folder / "band", address, virtual_clock=clock) as band:
                band.provision(bytes.fromhex(worn.kid), worn.generation, worn.key)
                await band.start()
                yield VirtualScene(clock, gateway, band, worn.kid)
        finally:
            await asyncio.gather(gateway.stop(), return_exceptions=True)
