# SPDX-License-Identifier: Apache-2.0
"""The embedded broker keeps Mosquitto's rules: its own topics for a band, all for the gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from opaska_gateway.broker.access import BrokerAccess
from opaska_gateway.broker.doorkeeper import Doorkeeper
from opaska_gateway.broker.embedded import SHUTDOWN_S, embedded_broker
from opaska_gateway.broker.urgent_first import UrgentFirst
from opaska_gateway.errors import BrokerError
from tests.gateway.deploy.broker import Client

MINE, OTHER = "00112233aabbccdd", "fedcba9876543210"


@pytest.fixture
async def access() -> AsyncGenerator[BrokerAccess]:
    async with embedded_broker("127.0.0.1", 0, "opaska-gateway") as access:
        yield access


@pytest.fixture
async def gateway(access: BrokerAccess) -> AsyncGenerator[Client]:
    client = Client(access.username, access.password)
    assert await client.connect(access.port) == "Success"
    await client.subscribe("up/+/a")
    yield client
    client.close()


@pytest.fixture
async def band(access: BrokerAccess) -> AsyncGenerator[Client]:
    client = Client(MINE, None, MINE)
    assert await client.connect(access.port) == "Success"
    await client.subscribe(f"dn/{MINE}")
    yield client
    client.close()


async def test_bytes_go_up_and_down_unchanged(gateway: Client, band: Client) -> None:
    data = bytes(range(256))
    await band.publish(f"up/{MINE}/a", data)
    assert await gateway.message() == (f"up/{MINE}/a", data)
    await gateway.publish(f"dn/{MINE}", data)
    assert await band.message() == (f"dn/{MINE}", data)


# (user name, password, client id): a band is itself or nobody, the gateway has its password
REFUSED = [
    (None, None, ""),
    (MINE, None, OTHER),
    (MINE, None, ""),
    (MINE.upper(), None, MINE.upper()),
    (MINE[:15], None, MINE[:15]),
    ("opaska-gateway", None, "x"),
    ("opaska-gateway", "guess", "x"),
    ("admin", "admin", "admin"),
]


@pytest.mark.parametrize(("username", "password", "session"), REFUSED)
async def test_nobody_else_gets_in(
    access: BrokerAccess, username: str | None, password: str | None, session: str
) -> None:
    client = Client(username, password, session)
    assert await client.connect(access.port) == "Not authorized"
    client.close()


async def test_a_band_writes_only_its_own_reports(gateway: Client, band: Client) -> None:
    for topic in (f"up/{OTHER}/a", f"dn/{OTHER}", f"dn/{MINE}", f"up/{MINE}/x", "up/a"):
        await band.publish(topic, b"forged")
    await band.publish(f"up/{MINE}/a", b"last")
    assert await gateway.message() == (f"up/{MINE}/a", b"last")
    assert band.messages.empty()


@pytest.mark.parametrize("topic", ["#", "dn/+", f"dn/{OTHER}", "up/#", f"up/{MINE}/a", "$SYS/#"])
async def test_a_band_reads_only_its_own_answers(band: Client, topic: str) -> None:
    with pytest.raises(AssertionError):
        await band.subscribe(topic)


async def test_the_password_is_new_at_every_start_and_in_no_text(access: BrokerAccess) -> None:
    async with embedded_broker("127.0.0.1", 0, "opaska-gateway") as other:
        assert other.password != access.password
        assert other.port != access.port
    assert access.password not in repr(access)


async def test_a_taken_port_is_a_sentence(access: BrokerAccess) -> None:
    with pytest.raises(BrokerError, match=r"write another port, or 0 for a free one"):
        async with embedded_broker("127.0.0.1", access.port, "opaska-gateway"):
            pass


async def test_it_ends_in_time_with_clients_connected() -> None:
    async with embedded_broker("127.0.0.1", 0, "opaska-gateway") as access:
        client = Client(MINE, None, MINE)
        assert await client.connect(access.port) == "Success"
        began = time.monotonic()
    assert time.monotonic() - began < SHUTDOWN_S + 0.5
    client.close()
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", access.port)


async def test_alarms_and_answers_pass_the_telemetry_that_waits() -> None:
    queue = UrgentFirst()
    arrived = [f"up/{MINE}/t", f"up/{OTHER}/t", f"up/{MINE}/a", f"dn/{OTHER}", f"up/{OTHER}/a"]
    for topic in arrived:
        await queue.put({"topic": topic})
    assert queue.qsize() == len(arrived)
    left = [(await queue.get())["topic"] for _ in arrived]
    assert left == [*arrived[2:], *arrived[:2]]
    assert queue.empty()


def test_its_rules_are_loaded_by_name() -> None:
    from opaska_gateway.broker.embedded import DOORKEEPER

    assert f"{Doorkeeper.__module__}.{Doorkeeper.__qualname__}" == DOORKEEPER
