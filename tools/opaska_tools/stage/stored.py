# SPDX-License-Identifier: Apache-2.0
"""What stands in a gateway's SQLite file, read beside the running gateway or after its death."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_BUSY_S = 10.0


def rows(database_file: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Every row that a query finds."""
    with closing(sqlite3.connect(database_file, timeout=_BUSY_S)) as connection:
        return connection.execute(query, values).fetchall()


def count_reports(database_file: Path) -> tuple[int, int]:
    """(different reports, rows of reports)."""
    query = (
        "SELECT count(*), coalesce(sum(copies), 0) FROM (SELECT count(*) AS copies FROM event"
        " WHERE kind = 'report' GROUP BY device_id, generation, boot, seq)"
    )
    different, copies = rows(database_file, query)[0]
    return different, copies


def has_reported(database_file: Path, kid: str, report_type: int | None = None) -> bool:
    """Whether anything of this band is stored, or anything of this type."""
    query = (
        "SELECT 1 FROM event JOIN device ON device.id = event.device_id"
        " WHERE device.kid = ? AND event.report_type = coalesce(?, event.report_type) LIMIT 1"
    )
    return bool(rows(database_file, query, bytes.fromhex(kid), report_type))


def alarms_of(database_file: Path, kid: str) -> int:
    """How many alarms of this band are stored."""
    query = (
        "SELECT count(*) FROM event JOIN device ON device.id = event.device_id"
        " WHERE device.kid = ? AND event.rings = 1"
    )
    count: int = rows(database_file, query, bytes.fromhex(kid))[0][0]
    return count


def open_case(database_file: Path, kid: str) -> bytes | None:
    """The id of the case that this band's alarms are in, None when there is none."""
    query = (
        "SELECT care_case.id FROM care_case JOIN device ON device.id = care_case.device_id"
        " WHERE device.kid = ? AND care_case.closed_ms IS NULL"
    )
    found = rows(database_file, query, bytes.fromhex(kid))
    return found[0][0] if found else None
