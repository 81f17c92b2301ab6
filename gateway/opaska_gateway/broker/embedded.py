# SPDX-License-Identifier: Apache-2.0
"""A broker inside the gateway process, for this machine only, so that nothing has to be installed.

It speaks MQTT 3.1.1 without TLS and forgets everything at a restart: bands send again until they
are answered, so nothing is lost. An alarm passes telemetry that waits (urgent_first.py), but not
what is still being read: for bands in the field use Mosquitto, see gateway/deploy.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opaska_gateway.broker.access import BrokerAccess
from opaska_gateway.errors import BrokerError
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from amqtt.broker import Broker

SHUTDOWN_S = 2.0  # amqtt may wait for a client that is gone; then the process's end closes it
SESSION_KEPT_S = 3_600  # for a client that is away; what it misses is sent again anyway
DOORKEEPER = "opaska_gateway.broker.doorkeeper.Doorkeeper"
LISTENER = "default"  # amqtt wants one of this name

log = get_logger()


@asynccontextmanager
async def embedded_broker(host: str, port: int, username: str) -> AsyncGenerator[BrokerAccess]:
    """Run the broker; port 0 takes a free one. The gateway's password is new at every start."""
    from opaska_gateway.broker.takeover import OrderlyBroker  # heavy: for those who use it

    password = secrets.token_urlsafe(24)
    broker = OrderlyBroker(_configuration(username, password))
    await broker.start()
    try:
        server = await _listen(broker, host, port)
        try:
            yield BrokerAccess(host, server.sockets[0].getsockname()[1], username, password)
        finally:
            server.close()
    finally:
        await _shut_down(broker)


def _configuration(username: str, password: str) -> dict[str, object]:
    return {
        "listeners": {LISTENER: {"type": "external"}},  # we open the socket ourselves
        "session_expiry_interval": SESSION_KEPT_S,
        "plugins": {DOORKEEPER: {"username": username, "password": password}},
    }


async def _listen(broker: Broker, host: str, port: int) -> asyncio.Server:
    from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await broker.external_connected(
                StreamReaderAdapter(reader), StreamWriterAdapter(writer), LISTENER
            )
        except Exception as error:
            log.warning("broker_client_failed", error=repr(error))
        finally:
            writer.close()  # amqtt leaves it open when the broker ends first

    try:
        return await asyncio.start_server(serve, host, port)
    except OSError as error:
        raise BrokerError(
            f"broker.port: {host} port {port} cannot be used ({_reason(error)}); "
            "write another port, or 0 for a free one"
        ) from None


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


async def _shut_down(broker: Broker) -> None:
    try:
        async with asyncio.timeout(SHUTDOWN_S):
            await broker.shutdown()
    except TimeoutError:
        log.warning("broker_left_running", after_s=SHUTDOWN_S)
    except Exception as error:
        log.warning("broker_shutdown_failed", error=repr(error))
