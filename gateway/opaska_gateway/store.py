# SPDX-License-Identifier: Apache-2.0
"""Opens what must not be lost: the database and the key file that belongs to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import asynccontextmanager, contextmanager
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


_PROBED = 32  # keys of each kind: so many are not damaged at once
WRONG_FILE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)  # of the reasons of `sickness`


@dataclass(frozen=True)
class Store:
    """The open database and the key to what is sealed in it."""

    database: Database
    vault: Vault


@asynccontextmanager
async def open_store(settings: StorageSettings) -> AsyncGenerator[Store]:
    """Open both, making them at the first start; refuse a key file of another database."""
    if settings.database_url is None:
        _make_folder(settings.database_file.parent, "storage.database_file")
    _make_folder(settings.key_file.parent, "storage.key_file")
    async with open_database(settings) as database:
        yield Store(database, await _open_vault(database, settings))


@asynccontextmanager
async def open_database(settings: StorageSettings) -> AsyncGenerator[Database]:
    """Open the database alone; what is wrong with it becomes one line."""
    database = Database(settings.url)
    try:
        await database.__aenter__()
    except (DBAPIError, GatewayError) as error:
        await database.__aexit__(None, None, None)
        raise _unopened(settings, error) from None
    try:
        yield database
    finally:
        await database.__aexit__(None, None, None)


@contextmanager
def only_gateway_on(settings: StorageSettings) -> Generator[None]:
    """Hold the database for one running gateway of this machine: a second one would steal its
    connections."""
    held = settings.beside
    key = "storage.database_file" if settings.database_url is None else "storage.key_file"
    with held.with_suffix(".lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigurationError(
                f"{held}: {key}: the gateway with process id "
                f"{file.read().strip()} runs on it; stop that one, or write another file"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


async def _open_vault(database: Database, settings: StorageSettings) -> Vault:
    sealed = await _some_wrapped_keys(database)
    if not settings.key_file.exists():
        if sealed:
            raise ConfigurationError(
                f"{settings.key_file}: storage.key_file: it is missing, and the database was made "
                "with it; put it back from your copy"
            )
        return Vault.create(settings.key_file)
    vault = Vault(settings.key_file)
    if sealed and not any(_opens(vault, *key) for key in sealed):
        raise ConfigurationError(
            f"{settings.key_file}: storage.key_file: it belongs to another database; "
            "put back the key file that was made with this one"
        )
    return vault


def _opens(vault: Vault, purpose: bytes, wrapped: bytes) -> bool:
    try:
        vault.unwrap(purpose, wrapped)
    except VaultError:
        return False
    return True


async def _some_wrapped_keys(database: Database) -> list[tuple[bytes, bytes]]:
    """Purposes and sealed bytes of some keys: enough to tell whose vault the database needs, also
    when one of them is damaged."""
    bands = (
        select(device.c.kid, device_key.c.generation, device_key.c.wrapped)
        .join_from(device_key, device)
        .limit(_PROBED)
    )
    people = (
        select(person.c.id, person.c.wrapped_key)
        .where(person.c.wrapped_key.is_not(None))
        .limit(_PROBED)
    )
    async with database.read() as connection:
        return [
            (band_key_purpose(row.kid, row.generation), row.wrapped)
            for row in await connection.execute(bands)
        ] + [
            (person_key_purpose(row.id), row.wrapped_key)
            for row in await connection.execute(people)
        ]


def _unopened(settings: StorageSettings, error: DBAPIError | GatewayError) -> GatewayError:
    """Whether another time will help, or another setting."""
    if isinstance(error, GatewayError):
        return ConfigurationError(f"{settings.place}: {error}")
    reason = sickness(error)
    if settings.database_url is not None:
        return _unreached(settings, error, reason)
    path = settings.database_file
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT:
        return ConfigurationError(
            f"{settings.place}: it is damaged ({error.orig}); put a copy in its place, and before "
            f"that take away {path.name}-wal and {path.name}-shm, which belong to this one"
        )
    if reason is not None and code not in WRONG_FILE:
        return GatewayError(f"{path}: {reason}; nothing was changed, try again")
    return ConfigurationError(
        f"{settings.place}: cannot be opened ({error.orig}); "
        "write the path of an Opaska database, or of a new file"
    )


def _unreached(settings: StorageSettings, error: DBAPIError, reason: str | None) -> GatewayError:
    words = " ".join(str(error.orig).split())
    if reason is None:
        return ConfigurationError(
            f"{settings.place}: cannot be used ({words}); "
            "write the address of a database of Opaska's own, which its user owns"
        )
    return GatewayError(
        f"{settings.place}: cannot be reached ({words}); "
        "start the server, or write another address"
    )


def _make_folder(folder: Path, key: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: {key}: the folder cannot be made ({error.strerror}); "
            "write a path where this user may write"
        ) from None
