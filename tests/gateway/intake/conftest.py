# SPDX-License-Identifier: Apache-2.0
"""Real brokers for the intake: the embedded one, and Mosquitto where it is installed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway.broker.embedded import embedded_broker
from opaska_gateway.intake.mqtt import MqttAddress, MqttIntake
from opaska_gateway.pipeline import Pipeline
from opaska_tools.bench.load_band import LoadBand
from opaska_tools.stage.mosquitto import GATEWAY, Mosquitto
from opaska_tools.stage.ports import free_port
from opaska_tools.stage.registration import Registered
from tests.support.pipeline_runs import running
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core


@dataclass
class Broker:
    """Where the gateway signs in, and where bands connect."""

    address: MqttAddress
    band_port: int
    mosquitto: Mosquitto | None = None


@asynccontextmanager
async def _embedded() -> AsyncGenerator[Broker]:
    async with embedded_broker("127.0.0.1", 0, GATEWAY) as access:
        address = MqttAddress(access.host, access.port, access.username, access.password)
        yield Broker(address, access.port)


@asynccontextmanager
async def a_mosquitto(folder: Path) -> AsyncGenerator[Broker]:
    async with Mosquitto(folder) as mosquitto:
        password = mosquitto.password_file.read_text()
        address = MqttAddress("127.0.0.1", mosquitto.gateway_port, GATEWAY, password)
        yield Broker(address, mosquitto.band_port, mosquitto)


@pytest.fixture(
    params=["embedded", pytest.param("mosquitto", marks=requires_program("mosquitto"))]
)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Broker]:
    """Each broker that the gateway runs with."""
    making = _embedded() if request.param == "embedded" else a_mosquitto(tmp_path / "mosquitto")
    async with making as broker:
        yield broker


@pytest.fixture
def unused_port() -> int:
    """A port of this machine on which nobody listens."""
    return free_port()


@asynccontextmanager
async def taking_in(
    heart: Core, broker: Broker, pipeline: Pipeline | None = None, context: Context | None = None
) -> AsyncGenerator[MqttIntake]:
    """An intake that is subscribed. The pipeline is only run by whom it belongs to."""
    context = context or heart.context
    intake = MqttIntake(context, pipeline or Pipeline(context), broker.address)
    task = asyncio.create_task(intake.run())
    try:
        async with asyncio.timeout(10):
            await intake.ready.wait()
        yield intake
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def working(heart: Core, broker: Broker, **steps: Any) -> AsyncGenerator[Pipeline]:
    """Intake and pipeline together."""
    pipeline = Pipeline(heart.context, **steps)
    async with running(pipeline), taking_in(heart, broker, pipeline):
        yield pipeline


@asynccontextmanager
async def connected(heart: Core, broker: Broker) -> AsyncGenerator[LoadBand]:
    """A registered band on the broker."""
    core = await heart.add_band()
    band = LoadBand(Registered(core.kid_hex, core.generation, core.key, "1234"))
    await band.connect(broker.band_port)
    try:
        yield band
    finally:
        band.close()
        await band.lost.wait()
