# SPDX-License-Identifier: Apache-2.0
"""The running gateway notices what a command changes in the same database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError

from opaska_gateway.database.engine import Database
from opaska_gateway.registry import bands, notice
from opaska_gateway.registry.change import change
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store, open_store


@asynccontextmanager
async def watching(store: Store, changed: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    """Watch, and be done with it before the database closes."""
    task = asyncio.create_task(notice.notice_changes(store.database, changed))
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_a_change_through_another_connection_is_noticed_once(
    store: Store, storage: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "LOOK_EVERY_S", 0.01)
    noticed: asyncio.Queue[None] = asyncio.Queue()

    async def changed() -> None:
        noticed.put_nowait(None)

    async with watching(store, changed):
        async with open_store(storage) as other, change(other, "os:tester") as now:
            await bands.add(now)
            await asyncio.sleep(0.05)
            assert noticed.empty()  # not yet committed
        async with asyncio.timeout(30):
            await noticed.get()
        await asyncio.sleep(0.05)
        assert noticed.empty()


async def test_a_sick_database_does_not_end_the_watching(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "LOOK_EVERY_S", 0.01)
    noticed = asyncio.Event()
    looks = 0
    look = notice._last_line

    async def often_sick(database: Database) -> int:
        nonlocal looks
        looks += 1
        if looks % 2:
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise OperationalError("SELECT", None, full)
        return await look(database)

    async def changed() -> None:
        noticed.set()

    monkeypatch.setattr(notice, "_last_line", often_sick)
    async with watching(store, changed), asyncio.timeout(30):
        while looks < 3:  # noqa: ASYNC110 - one sick look and one healthy one
            await asyncio.sleep(0.01)
        async with change(store, "os:tester") as now:
            await bands.add(now)
        await noticed.wait()
