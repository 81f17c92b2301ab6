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
