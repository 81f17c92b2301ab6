# SPDX-License-Identifier: Apache-2.0
"""The database: one writer at a time, several readers, and what makes a commit durable.

SQLite runs in WAL with synchronous=FULL: when COMMIT returns, the rows survive a power cut.
`transact` runs a whole transaction as one function in one thread: a hop per statement, as `write`
makes it, costs the pipeline two to three times the CPU (measured, 1 to 20 reports a batch).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from opaska_gateway.database.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy import URL

T = TypeVar("T")

BUSY_TIMEOUT_MS = 2_000  # a command line beside the service writes for milliseconds, not seconds
READERS = 4  # console pages and watches; WAL readers never wait for the writer
BATCH_CACHE_KIB = 8_192  # of the thread that writes batches: the unique index of events
CACHE_KIB = 512  # of every other connection
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # fsync before COMMIT returns: promise 1
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  # a destroyed key leaves no copy in free pages
)


class Database:
    """The gateway's database; `async with Database(url)` opens it, with the newest tables."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()  # SQLite has one writer, and batches need no more
        self._writer = create_async_engine(self.url, **_pool(1))
        self._readers = create_async_engine(self.url, **_pool(READERS))
        self._batches = _BatchThread(self.url) if self.is_sqlite else None
        if self.is_sqlite:
            _prepare_sqlite(self._writer.sync_engine, "BEGIN IMMEDIATE", CACHE_KIB)
            _prepare_sqlite(self._readers.sync_engine, "BEGIN", CACHE_KIB)

    async def __aenter__(self) -> Self:
        async with self._writer.connect() as connection:
            await connection.run_sync(upgrade)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
        if self._batches is not None:
            await self._batches.close()

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one durable transaction: committed when this returns, else rolled back."""
        if self._batches is None:
            async with self._writer.begin() as connection:
                return await connection.run_sync(work)
        async with self._turn:
            return await self._batches.run(work)

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
    """One thread with one SQLite connection, for whole transactions."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url.set(drivername="sqlite"))
        _prepare_sqlite(self._engine, "BEGIN IMMEDIATE", BATCH_CACHE_KIB)
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


def _prepare_sqlite(engine: Engine, begin: str, cache_kib: int) -> None:
    """Our pragmas, and our own BEGIN (the driver's would come too late)."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*SQLITE_PRAGMAS, f"PRAGMA cache_size=-{cache_kib}"):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
