# SPDX-License-Identifier: Apache-2.0
"""The same over TLS, where bytes may wait inside the protocol and the loop cannot see them."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.intake import mqtt, mqtt_link
from opaska_gateway.intake.mqtt import MqttIntake
from opaska_gateway.pipeline import Pipeline
from tests.gateway.centre.test_dc09_tls import _certificate, _server
from tests.gateway.intake.conftest import a_mosquitto, connected, working
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.gateway.intake.conftest import Broker
    from tests.support.gateway_core import Core

CHUNK = 65_536


@asynccontextmanager
async def _behind_tls(broker: Broker, folder: Path) -> AsyncGenerator[Broker]:
    """The broker's port for the gateway, behind TLS."""
    certificate = _certificate(folder, "127.0.0.1")
    under_way: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                writer.write(data)
        except OSError:
            pass  # cut off: the other side is closed, too
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection(broker.address.host, broker.address.port)
        pumps = [pump(reader, inner[1]), pump(inner[0], writer)]
        under_way.update(asyncio.create_task(one) for one in pumps)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=_server(certificate))
    trust = ssl.create_default_context(cafile=str(certificate))
    port = server.sockets[0].getsockname()[1]
    try:
        yield replace(broker, address=replace(broker.address, port=port, tls=trust))
    finally:
        server.close()
        await asyncio.gather(*under_way)  # both ends were closed before


@pytest.fixture
async def protected(tmp_path: Path) -> AsyncGenerator[Broker]:
    async with a_mosquitto(tmp_path / "mosquitto") as broker, _behind_tls(broker, tmp_path) as tls:
        yield tls


@requires_program("mosquitto")
async def test_nothing_stays_behind_inside_tls(
    heart: Core, protected: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many messages in one TLS record, and fewer reads a turn than messages."""
    monkeypatch.setattr(mqtt_link, "READS_A_TURN", 3)
    async with working(heart, protected), connected(heart, protected) as band:
        for number in range(60):
            band.report(urgent=number % 20 == 0)
        await until(lambda: band.answered == 60, "all answers")


@requires_program("mosquitto")
async def test_what_came_before_a_pause_inside_tls_is_read_after_it(
    heart: Core, protected: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "MAX_UNDECIDED", 4)
    async with working(heart, protected), connected(heart, protected) as band:
        for _ in range(60):
            band.report()
        await until(lambda: band.answered == 60, "all answers")


# paho lets go of a socket whose handshake failed without closing it; the collector does
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@requires_program("mosquitto")
async def test_a_broker_that_is_not_the_trusted_one_is_refused(
    heart: Core, protected: Broker
) -> None:
    stranger = replace(protected.address, tls=ssl.create_default_context())
    intake = MqttIntake(heart.context, Pipeline(heart.context), stranger)
    task = asyncio.create_task(intake.run())
    await until(
        lambda: all("certificate" in one.problem for one in intake.health()),
        "the reason",
    )
    assert not intake.ready.is_set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
