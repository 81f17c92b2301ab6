# SPDX-License-Identifier: Apache-2.0
"""The database: one writer at a time, several readers, and what makes a commit durable.

When COMMIT returns, the rows survive a power cut, see `sqlite.py` and `postgresql.py`.
`transact` runs a whole transaction as one function in one thread: a hop per statement, as `write`
makes it, costs the pipeline two to three times the CPU (measured, 1 to 20 reports a batch).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from opaska_gateway.database import postgresql, sqlite
from opaska_gateway.database.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy import Engine

T = TypeVar("T")

READERS = 4  # console pages and watches; they never wait for the writer


class Database:
    """The gateway's database; `async with Database(url)` opens it, with the newest tables."""

    def __init__(self, url: str) -> None:
        given = make_url(url)
        self.is_sqlite = given.get_backend_name() == "sqlite"
        self._kind = kind = sqlite if self.is_sqlite else postgresql
        self.url = given.set(drivername=kind.DRIVER)
        self._turn = asyncio.Lock()  # there is one writer, and batches need no more
        self._writer = create_async_engine(self.url, **_pool(1), **kind.OPTIONS)
        self._readers = create_async_engine(self.url, **_pool(READERS), **kind.OPTIONS)
        in_thread = create_engine(self.url.set(drivername=kind.THREAD_DRIVER), **kind.OPTIONS)
        self._batches = _BatchThread(in_thread)
        kind.prepare_writer(self._writer.sync_engine)
        kind.prepare_reader(self._readers.sync_engine)
        kind.prepare_writer(in_thread, for_batches=True)

    async def __aenter__(self) -> Self:
        async with self._writer.connect() as connection:
            await connection.run_sync(self._kind.check)
            await connection.run_sync(upgrade)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kind.dispose(self._readers)
        await self._kind.dispose(self._writer)
        await self._batches.close()

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one durable transaction: committed when this returns, else rolled back."""
        async with self._turn:
            return await self._batches.run(work)

    async def forget_traces(self) -> bool:
        """Let overwritten keys be gone for good; False = somebody is in the way just now."""
        return await asyncio.to_thread(self._kind.forget_traces, self.url)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """One durable transaction: committed when the block ends, rolled back when it raises."""
        async with self._turn, self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A consistent view; it never waits for the writer."""
        async with self._readers.connect() as connection:
            yield connection


class _BatchThread:
    """One thread with one connection, for whole transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "database")
        self._connection: Connection | None = None  # opened in its thread, at the first batch

    async def run(self, work: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, work)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _pool(size: int) -> dict[str, Any]:
    return {"poolclass": AsyncAdaptedQueuePool, "pool_size": size, "max_overflow": 0}
