# SPDX-License-Identifier: Apache-2.0
"""Opens what must not be lost: the database and the key file that belongs to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from opaska_gateway.database.engine import Database
from opaska_gateway.database.sickness import sickness
from opaska_gateway.database.tables import device, device_key, person
from opaska_gateway.errors import ConfigurationError, GatewayError
from opaska_gateway.vault import Vault, VaultError, band_key_purpose, person_key_purpose

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from opaska_gateway.settings import StorageSettings


WRONG_FILE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)  # of the reasons of `sickness`
CHECKPOINT_WAIT_S = 2.0  # the gateway reads and writes for milliseconds


@dataclass(frozen=True)
class Store:
    """The open database and the key to what is sealed in it."""

    database: Database
    vault: Vault


@asynccontextmanager
async def open_store(settings: StorageSettings) -> AsyncGenerator[Store]:
    """Open both, making them at the first start; refuse a key file of another database."""
    path = settings.database_file
    _make_folder(path.parent, "storage.database_file")
    _make_folder(settings.key_file.parent, "storage.key_file")
    database = Database(f"sqlite+aiosqlite:///{path.absolute()}")
    try:
        await database.__aenter__()
    except (DBAPIError, GatewayError) as error:
        await database.__aexit__(None, None, None)
        raise _unopened(path, error) from None
    try:
        yield Store(database, await _open_vault(database, settings))
    finally:
        await database.__aexit__(None, None, None)


@contextmanager
def only_gateway_on(database_file: Path) -> Generator[None]:
    """Hold the database for one running gateway: a second one would steal its connections."""
    lock = database_file.with_suffix(".lock")
    with lock.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigurationError(
                f"{database_file}: storage.database_file: the gateway with process id "
                f"{file.read().strip()} runs on it; stop that one, or write another file"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def forget_traces(database_file: Path) -> bool:
    """Move SQLite's log into the database and cut it, so that overwritten keys are gone for good.

    False when somebody just used the log; it is cut at one of the next times, then.
    """
    with closing(sqlite3.connect(database_file, timeout=CHECKPOINT_WAIT_S)) as connection:
        busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return busy == 0


async def _open_vault(database: Database, settings: StorageSettings) -> Vault:
    sealed = await _some_wrapped_key(database)
    if not settings.key_file.exists():
        if sealed:
            raise ConfigurationError(
                f"{settings.key_file}: storage.key_file: it is missing, and the database was made "
                "with it; put it back from your copy"
            )
        return Vault.create(settings.key_file)
    vault = Vault(settings.key_file)
    try:
        if sealed:
            vault.unwrap(*sealed)
    except VaultError:
        raise ConfigurationError(
            f"{settings.key_file}: storage.key_file: it belongs to another database; "
            "put back the key file that was made with this one"
        ) from None
    return vault


async def _some_wrapped_key(database: Database) -> tuple[bytes, bytes] | None:
    """Purpose and sealed bytes of any key in the database: enough to tell whose vault it needs."""
    async with database.read() as connection:
        key = (
            await connection.execute(
                select(device.c.kid, device_key.c.generation, device_key.c.wrapped)
                .join_from(device_key, device)
                .limit(1)
            )
        ).first()
        if key:
            return band_key_purpose(key.kid, key.generation), key.wrapped
        someone = (
            await connection.execute(
                select(person.c.id, person.c.wrapped_key)
                .where(person.c.wrapped_key.is_not(None))
                .limit(1)
            )
        ).first()
        return (person_key_purpose(someone.id), someone.wrapped_key) if someone else None


def _unopened(path: Path, error: DBAPIError | GatewayError) -> GatewayError:
    """Whether another time will help, or another file."""
    if isinstance(error, GatewayError):
        return ConfigurationError(f"{path}: storage.database_file: {error}")
    reason = sickness(error)
    if reason is not None and getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in WRONG_FILE:
        return GatewayError(f"{path}: {reason}; nothing was changed, try again")
    return ConfigurationError(
        f"{path}: storage.database_file: cannot be opened ({error.orig}); "
        "write the path of an Opaska database, or of a new file"
    )


def _make_folder(folder: Path, key: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: {key}: the folder cannot be made ({error.strerror}); "
            "write a path where this user may write"
        ) from None
