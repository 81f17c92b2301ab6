# SPDX-License-Identifier: Apache-2.0
"""How SQLite is opened: WAL with synchronous=FULL, one writer, readers that never wait for it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import event

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Thread

    from sqlalchemy import URL, Connection, Dialect, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

DRIVER: Final = "sqlite+aiosqlite"
THREAD_DRIVER: Final = "sqlite"
OPTIONS: Final[dict[str, Any]] = {}
CHECKPOINT_WAIT_S: Final = 2.0  # the gateway reads and writes for milliseconds
BUSY_TIMEOUT_MS: Final = 2_000  # a command beside the service writes for milliseconds, not seconds
BATCH_CACHE_KIB: Final = 8_192  # of the thread that writes batches: the unique index of events
CACHE_KIB: Final = 512  # of every other connection
PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # fsync before COMMIT returns: promise 1
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  # a destroyed key leaves no copy in free pages
)
THREAD_END_S: Final = 5.0  # it has nothing left to do; a connection in use has no end

_threads: WeakKeyDictionary[Engine, list[Thread]] = WeakKeyDictionary()


def prepare_writer(engine: Engine, *, for_batches: bool = False) -> None:
    """Take the one place of a writer at the beginning, not at the first statement that writes."""
    _prepare(engine, "BEGIN IMMEDIATE", BATCH_CACHE_KIB if for_batches else CACHE_KIB)
    if not for_batches:
        _know_threads(engine)


def prepare_reader(engine: Engine) -> None:
    """See what was committed when the first statement came."""
    _prepare(engine, "BEGIN", CACHE_KIB)
    _know_threads(engine)


async def dispose(engine: AsyncEngine) -> None:
    """Close its connections and wait for their threads.

    aiosqlite's thread tells the event loop of its end, and fails where the loop has ended before.
    """
    await engine.dispose()
    for thread in _threads.pop(engine.sync_engine, ()):
        await asyncio.to_thread(thread.join, THREAD_END_S)


def check(connection: Connection) -> None:
    """Our pragmas have made it durable."""


def forget_traces(url: URL) -> bool:
    """Move the log into the database and cut it: what was overwritten is nowhere, then.

    False when somebody just used the log; it is cut at one of the next times, then.
    """
    with closing(sqlite3.connect(str(url.database), timeout=CHECKPOINT_WAIT_S)) as connection:
        busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return busy == 0


def copy(database: Path, to: Path) -> None:
    """A whole copy as of one moment, beside a running gateway: one reader, whom no writer ends.

    (SQLite's own `.backup` begins again at every commit of another program, without end.)
    """
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as one:
            one.execute("VACUUM INTO ?", (str(to),))
        os.fsync(descriptor)
    except BaseException:
        to.unlink()
        raise
    finally:
        os.close(descriptor)


def _prepare(engine: Engine, begin: str, cache_kib: int) -> None:
    """Our pragmas, and our own BEGIN (the driver's would come too late)."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        try:
            connection.isolation_level = None
            cursor = connection.cursor()
            for pragma in (*PRAGMAS, f"PRAGMA cache_size=-{cache_kib}"):
                cursor.execute(pragma)
            cursor.close()
        except BaseException:
            connection.close()  # nobody else would
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _know_threads(engine: Engine) -> None:
    """Keep the thread of each connection, also of one that cannot be opened."""

    @event.listens_for(engine, "do_connect")
    def _begin_thread(dialect: Dialect, _record: object, args: Any, options: Any) -> Any:
        def begun(*args: Any, **options: Any) -> aiosqlite.Connection:
            connection = aiosqlite.connect(*args, **options)
            # as SQLAlchemy does: there is no other way to it
            thread = connection._thread  # pyright: ignore[reportPrivateUsage]
            thread.daemon = True
            alive = [one for one in _threads.get(engine, ()) if one.is_alive()]
            _threads[engine] = [*alive, thread]
            return connection

        return dialect.connect(*args, async_creator_fn=begun, **options)
