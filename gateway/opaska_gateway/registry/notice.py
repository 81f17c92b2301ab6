# SPDX-License-Identifier: Apache-2.0
"""Notices what commands changed beside the running gateway: each adds a line to the audit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from opaska_gateway.database.sickness import sickness
from opaska_gateway.database.tables import audit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opaska_gateway.database.engine import Database

LOOK_EVERY_S = 0.5  # a revoked band is refused within a second; one look costs 0.1 ms


async def notice_changes(database: Database, changed: Callable[[], Awaitable[None]]) -> None:
    """Call `changed` soon after the audit grew, for ever."""
    last = None
    while True:
        try:
            newest = await _last_line(database)
            if last is not None and newest != last:
                await changed()
            last = newest
        except DBAPIError as error:
            if sickness(error) is None:
                raise
            # The pipeline says aloud that the database cannot work now; we look again.
        await asyncio.sleep(LOOK_EVERY_S)


async def _last_line(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.max(audit.c.id)))).scalar() or 0
