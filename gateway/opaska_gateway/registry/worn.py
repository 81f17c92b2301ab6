# SPDX-License-Identifier: Apache-2.0
"""The wear ledger of one person: hours on the wrist for each of the last days, where they live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from opaska_gateway.care import worn
from opaska_gateway.database import wear
from opaska_gateway.database.tables import organisation, place
from opaska_gateway.registry.find import PERSON, find

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow

HOUR_MS = 3_600_000


async def show(
    connection: AsyncConnection, text: str, days: int, now_ms: int
) -> list[dict[str, Any]]:
    """Today, as far as it has passed, and the days before; hours to the hundredth."""
    someone = await find(connection, PERSON, text)
    zone = ZoneInfo(await _time_zone(connection, someone))
    first = datetime.fromtimestamp(now_ms / 1000, zone).date() - timedelta(days - 1)
    from_ms = round(datetime.combine(first, datetime.min.time(), zone).timestamp() * 1000)
    seen = await wear.of_person(connection, someone.id, from_ms - worn.GAP_MS)
    return [
        {
            "day": day.day.isoformat(),
            "worn_hours": _hours(day.worn_ms),
            "charging_hours": _hours(day.charging_ms),
            "off_hours": _hours(day.off_ms),
            "unknown_hours": _hours(day.unknown_ms),
        }
        for day in worn.days(worn.spans(seen), zone, first, now_ms)
    ]


def _hours(ms: int) -> float:
    return round(ms / HOUR_MS, 2)


async def _time_zone(connection: AsyncConnection, someone: AnyRow) -> str:
    """Of the newest home; of the organisation when there is none."""
    home = (
        select(place.c.time_zone)
        .where(place.c.person_id == someone.id)
        .order_by(place.c.created_ms.desc())
        .limit(1)
    )
    found: str | None = (await connection.execute(home)).scalar()
    if found is not None:
        return found
    owner = organisation.c.id == someone.organisation_id
    query = select(organisation.c.time_zone).where(owner)
    of_organisation: str = (await connection.execute(query)).scalar_one()
    return of_organisation
