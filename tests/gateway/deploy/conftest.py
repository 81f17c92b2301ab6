# SPDX-License-Identifier: Apache-2.0
"""One Mosquitto for each test, and clients that are closed after it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest

from opaska_gateway.broker.mosquitto import MosquittoPlan, write_files
from tests.gateway.deploy.broker import Client, Mosquitto, free_port

KEYS = {"00112233aabbccdd": bytes(range(16)), "fedcba9876543210": bytes(range(16, 32))}


@pytest.fixture
def plan(tmp_path: Path) -> MosquittoPlan:
    """Mosquitto's files with the keys of two bands."""
    plan = MosquittoPlan(tmp_path / "files", "127.0.0.1", free_port(), free_port())
    write_files(plan, KEYS)
    return plan


@pytest.fixture
async def mosquitto(plan: MosquittoPlan, tmp_path: Path) -> AsyncGenerator[Mosquitto]:
    """Mosquitto on these files."""
    broker = Mosquitto(plan, tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
def new_client() -> Generator[Callable[..., Client]]:
    """Makes plain clients."""
    clients: list[Client] = []

    def make(username: str | None, password: str | None, session: str = "") -> Client:
        clients.append(Client(username, password, session))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
async def gateway(mosquitto: Mosquitto, new_client: Callable[..., Client]) -> Client:
    """The gateway's own client, reading every band's reports."""
    password = mosquitto.plan.gateway_password_file.read_text(encoding="utf-8").strip()
    client = new_client(mosquitto.plan.username, password)
    assert await client.connect(mosquitto.plan.gateway_port) == "Success"
    await client.subscribe("up/#")
    return client
