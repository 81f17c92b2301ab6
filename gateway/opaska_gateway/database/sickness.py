# SPDX-License-Identifier: Apache-2.0
"""Tells a database that cannot work now from a statement that never will."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

SQLITE_SICK: Final = {
    sqlite3.SQLITE_BUSY: "another program holds the database",
    sqlite3.SQLITE_LOCKED: "another program holds the database",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_READONLY: "the database or its folder is read-only",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
}
POSTGRESQL_SICK: Final = {
    "08": "the connection to the database is lost",
    "28": "the database does not let us in",
    "40": "another program changed the same rows",
    "53": "the database is out of disk, memory or connections",
    "55": "another program holds the database",
    "57": "the database is shutting down or starting",
    "58": "the database's disk cannot be read or written",
}  # by SQLSTATE class


def sickness(error: BaseException) -> str | None:
    """Why the database cannot work now, for the operator; None if the statement is at fault."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):  # also straight from the driver, see events.py
        return SQLITE_SICK.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)  # the primary code
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    has_no_answer = isinstance(error, OperationalError) and state is None
    if error.connection_invalidated or has_no_answer:
        return POSTGRESQL_SICK["08"]
    return POSTGRESQL_SICK.get(str(state)[:2])
