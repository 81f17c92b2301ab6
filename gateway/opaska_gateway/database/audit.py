# SPDX-License-Identifier: Apache-2.0
"""Who did what, when, from what to what and why: lines chained by SHA-256, never changed.

Lines name people and bands by their opaque ids only, so the chain survives an erasure.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row, insert, select

from opaska_gateway import clock
from opaska_gateway.database.tables import audit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

BEGINNING: Final = bytes(32)  # what the first line follows
_LAST = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, before it is written."""

    organisation_id: bytes | None
    who: str
    what: str
    subject: str
    from_value: str | None = None
    to_value: str | None = None
    why: str | None = None


async def append(connection: AsyncConnection, entries: Iterable[Entry]) -> None:
    """Add lines to the chain, inside the transaction of what they tell."""
    await connection.run_sync(append_now, entries)


def append_now(connection: Connection, entries: Iterable[Entry]) -> None:
    """The same for a function that runs inside `Database.transact`."""
    at_ms = clock.now_ms()
    previous = connection.execute(_LAST).scalar() or BEGINNING
    for entry in entries:
        row = _row(entry, at_ms, previous)
        connection.execute(insert(audit).values(row))
        previous = row["hash"]


async def first_break(connection: AsyncConnection) -> int | None:
    """The id of the first line that does not follow from the one before it; None = all do."""
    previous = BEGINNING
    rows = await connection.stream(select(audit).order_by(audit.c.id))
    async for line in rows:
        if line.previous_hash != previous or line.hash != _hash(line, previous):
            return int(line.id)
        previous = line.hash
    return None


def _row(entry: Entry, at_ms: int, previous: bytes) -> dict[str, Any]:
    names = Entry.__dataclass_fields__
    row = {"at_ms": at_ms, **dict(zip(names, astuple(entry), strict=True))}
    return {**row, "previous_hash": previous, "hash": _digest(row, previous)}


def _hash(line: Row[Any], previous: bytes) -> bytes:
    row = {name: getattr(line, name) for name in ("at_ms", *Entry.__dataclass_fields__)}
    return _digest(row, previous)


def _digest(row: dict[str, Any], previous: bytes) -> bytes:
    """Of the fields in their fixed order, absent ones marked, each with its length."""
    digest = hashlib.sha256(previous)
    for name in ("at_ms", *Entry.__dataclass_fields__):
        value = row[name]
        digest.update(b"-" if value is None else _framed(value))
    return digest.digest()


def _framed(value: bytes | str | int) -> bytes:
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"+%d:" % len(data) + data
