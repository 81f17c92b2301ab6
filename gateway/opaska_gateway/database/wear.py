# SPDX-License-Identifier: Apache-2.0
"""Keeps what bands say of being worn: a row for each such report, dated as the report is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from opaska_gateway.care.worn import Sighting
from opaska_gateway.database.tables import event, wear_sighting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection


_SIGHTINGS = select(
    wear_sighting.c.device_id,
    wear_sighting.c.generation,
    wear_sighting.c.boot,
    wear_sighting.c.at_ms,
    wear_sighting.c.state,
    wear_sighting.c.since_ms,
    wear_sighting.c.before,
)


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Of fresh reports."""
    if rows:
        connection.execute(insert(wear_sighting), list(rows))


def date_again(connection: Connection, event_ids: Sequence[int]) -> None:
    """These reports have been dated anew, and may belong to another wearer."""
    this = event.c.id == wear_sighting.c.event_id
    occurred_ms = select(event.c.occurred_ms).where(this).scalar_subquery()
    connection.execute(
        update(wear_sighting)
        .where(wear_sighting.c.event_id.in_(event_ids))
        .values(
            at_ms=occurred_ms,
            since_ms=wear_sighting.c.since_ms - wear_sighting.c.at_ms + occurred_ms,
            person_id=select(event.c.person_id).where(this).scalar_subquery(),
        )
    )


async def of_person(connection: AsyncConnection, person_id: bytes, from_ms: int) -> list[Sighting]:
    """All since then."""
    mine = (wear_sighting.c.person_id == person_id) & (wear_sighting.c.at_ms >= from_ms)
    return [_sighting(row) for row in await connection.execute(_SIGHTINGS.where(mine))]


async def of_case(connection: AsyncConnection, case_id: bytes) -> list[Sighting]:
    """The changes that were reported into a case, in order."""
    query = (
        _SIGHTINGS.join(event, event.c.id == wear_sighting.c.event_id)
        .where(event.c.case_id == case_id, wear_sighting.c.since_ms.is_not(None))
        .order_by(wear_sighting.c.since_ms, wear_sighting.c.event_id)
    )
    return [_sighting(row) for row in await connection.execute(query)]


def _sighting(row: Any) -> Sighting:
    boot = (row.device_id, row.generation, row.boot)
    return Sighting(boot, row.at_ms, row.state, row.since_ms, row.before)
