# SPDX-License-Identifier: Apache-2.0
"""The database: one writer, several readers, and what makes a commit durable.

SQLite runs in WAL with synchronous=FULL: when COMMIT returns, the rows survive a power cut.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from opaska_gateway.database.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BUSY_TIMEOUT_MS = 2_000  # a command line beside the service writes for milliseconds, not seconds
READERS = 4  # console pages and watches; WAL readers never wait for the writer
CACHE_KIB = 8_192  # pages of the unique index of events that stay in memory
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # fsync before COMMIT returns: promise 1
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    f"PRAGMA cache_size=-{CACHE_KIB}",
    "PRAGMA temp_store=MEMORY",
)


class Database:
    """The gateway's database; `async with Database(url)` opens it, with the newest tables."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()  # one writer: SQLite has no more, and batches need no more
        self._writer = self._engine("BEGIN IMMEDIATE", pool_size=1)
        self._readers = self._engine("BEGIN", pool_size=READERS)

    async def __aenter__(self) -> Self:
        async with self._writer.connect() as connection:
            await connection.run_sync(upgrade)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._readers.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One durable transaction: committed when the block ends, rolled back when it raises."""
        async with self._turn, self._writer.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view; it never waits for the writer."""
        async with self._readers.connect() as connection:
            yield connection

    def _engine(self, begin: str, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
        )
        if self.is_sqlite:
            _prepare_sqlite(engine, begin)
        return engine


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    """Our pragmas, and our own BEGIN (the driver's would come too late)."""

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
