# SPDX-License-Identifier: Apache-2.0
"""The whole way on one machine: a receiver, a gateway with a broker, bands with the firmware."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.receiver import Receiver
from opaska_tools.stage.registration import Registered, account_of, register_many
from opaska_tools.stage.stored import has_reported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from opaska_tools.stage.gateway import Station
    from opaska_tools.stage.mosquitto import Mosquitto

SOS_CODE = "QA"  # what the profile "basic" sends for an SOS by SIA-DCS
FALL_CODE = "MA"
_CONNECT_S = 30.0  # from power-up to the first stored report, on a busy machine
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Worn:
    """A simulated band on the wrist of somebody the gateway knows."""

    registered: Registered
    band: SimulatedBand

    @property
    def kid(self) -> str:
        return self.registered.kid

    @property
    def account(self) -> str:
        return self.registered.account


class Scene:
    """An async context manager; `set_up` switches everything on, the end takes everything down."""

    def __init__(
        self,
        folder: Path,
        bands: int,
        *,
        mosquitto: Mosquitto | None = None,
        on_station: Callable[[Station], None] | None = None,
    ) -> None:
        self._folder = folder
        self._count = bands
        self._stack = AsyncExitStack()
        self._mosquitto = mosquitto
        self.receiver = Receiver([account_of(number) for number in range(bands)])
        self.gateway = Gateway(
            folder / "gateway",
            mosquitto=mosquitto,
            receivers=(self.receiver,),
            journey=on_station is not None,
            on_station=on_station,
        )
        self.worn: list[Worn] = []

    async def set_up(self, said: Callable[[str], None] = lambda _: None) -> None:
        """Start one after the other; `said` hears what is being started."""
        said("a monitoring centre's receiver (pysiaalarm)")
        await self._stack.enter_async_context(self.receiver)
        if self._mosquitto is not None:
            said("Mosquitto")
            await self._stack.enter_async_context(self._mosquitto)
        said("the gateway" if self._mosquitto else "the gateway with its embedded broker")
        self.gateway.write_config()
        registered = await register_many(self.gateway, self._count)
        await self._stack.enter_async_context(self.gateway)
        said(f"{self._count} bands: the firmware under MicroPython on simulated boards")
        for number, one in enumerate(registered):
            self.worn.append(await self._put_on(number, one))
        for worn in self.worn:
            await self._connected(worn)

    async def _put_on(self, number: int, registered: Registered) -> Worn:
        band = SimulatedBand(
            self._folder / f"band{number + 1}", ("127.0.0.1", self.gateway.broker_port)
        )
        await self._stack.enter_async_context(band)
        kid = bytes.fromhex(registered.kid)
        tls = self._mosquitto is not None and self._mosquitto.tls
        band.provision(kid, registered.generation, registered.key, tls=tls)
        await band.start()
        return Worn(registered, band)

    async def _connected(self, worn: Worn) -> None:
        """Until the gateway has stored its first report."""
        async with asyncio.timeout(_CONNECT_S):
            # the database is another process's, which sets no event of ours
            while not has_reported(self.gateway.database_file, worn.kid):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
