# SPDX-License-Identifier: Apache-2.0
"""A gateway process, its broker, a fleet of load bands and a watch on what they were told."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from opaska_tools.bench.fleet import Fleet
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.mosquitto import Mosquitto
from opaska_tools.stage.registration import Registered, register_many
from opaska_tools.stage.stored import rows
from tests.support.promises import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from opaska_tools.stage.gateway import ReceiverAddress

Broker = Literal["embedded", "mosquitto"]


@dataclass(slots=True)
class World:
    """Everything of one run. The gateway is not started yet; bands connect when it is."""

    gateway: Gateway
    mosquitto: Mosquitto | None
    registered: list[Registered]
    fleet: Fleet
    watch: Watch

    def wave(self, each: int = 4) -> None:
        """Every band publishes `each` reports, the last of them an SOS."""
        for band in self.fleet.bands:
            for number in range(each):
                band.report(urgent=number == each - 1)

    async def kill_broker(self) -> None:
        """As kill -9 does; the embedded broker dies with its gateway."""
        assert self.mosquitto is not None
        await self.mosquitto.kill()

    async def start_broker(self) -> None:
        assert self.mosquitto is not None
        await self.mosquitto.start()

    def unforwarded(self) -> int:
        """Alarms that the monitoring centre has not said yes to."""
        query = "SELECT count(*) FROM outbox WHERE done_ms IS NULL AND destination = 'centre'"
        count: int = rows(self.gateway.database_file, query)[0][0]
        return count


@asynccontextmanager
async def a_gateway(
    folder: Path, broker: Broker, receivers: Sequence[ReceiverAddress] = ()
) -> AsyncGenerator[tuple[Gateway, Mosquitto | None]]:
    """A gateway that is set up but not started, and its broker; both end in every case."""
    async with AsyncExitStack() as stack:
        mosquitto = None
        if broker == "mosquitto":
            mosquitto = await stack.enter_async_context(Mosquitto(folder / "mosquitto"))
        gateway = Gateway(folder, mosquitto=mosquitto, receivers=receivers)
        gateway.write_config()
        stack.push_async_callback(gateway.stop)
        yield gateway, mosquitto


@asynccontextmanager
async def world(
    folder: Path, broker: Broker, bands: int, receivers: Sequence[ReceiverAddress] = ()
) -> AsyncGenerator[World]:
    """A gateway with bands that connect as soon as it is started."""
    async with a_gateway(folder, broker, receivers) as (gateway, mosquitto):
        registered = await register_many(gateway, bands)
        watch = Watch()
        async with Fleet(
            registered, lambda: gateway.broker_port, on_frame=watch.on_frame
        ) as fleet:
            yield World(gateway, mosquitto, registered, fleet, watch)
