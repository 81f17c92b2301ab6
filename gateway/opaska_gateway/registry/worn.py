# SPDX-License-Identifier: Apache-2.0
"""The wear ledger of one person: hours on the wrist for each of the last days, where they live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from opaska_gateway.care import worn
from opaska_gateway.database import wear
from opaska_gateway.database.homes import time_zone_of
from opaska_gateway.registry.find import PERSON, find

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

HOUR_MS = 3_600_000


async def show(
    connection: AsyncConnection, text: str, days: int, now_ms: int
) -> list[dict[str, Any]]:
    """Today, as far as it has passed, and the days before; hours to the hundredth."""
    someone = await find(connection, PERSON, text)
    home = time_zone_of(someone.id, someone.organisation_id)
    zone = ZoneInfo((await connection.execute(select(home))).scalar_one())
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
