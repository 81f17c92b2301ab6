# SPDX-License-Identifier: Apache-2.0
"""Times as people write and read them: where a person lives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from opaska_gateway.database.homes import time_zone_of
from opaska_gateway.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


async def home_zone(
    connection: AsyncConnection, person_id: bytes | None, organisation_id: bytes
) -> ZoneInfo:
    """Where a person lives; without one, where their organisation works."""
    home = time_zone_of(person_id, organisation_id)
    return ZoneInfo((await connection.execute(select(home))).scalar_one())


def moment_ms(text: str, zone: ZoneInfo) -> int:
    """ISO 8601; without an offset it is meant where the person lives."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f'{text} is not a time; write 2026-12-24, or "2026-12-24 14:00"') from None
    if moment.tzinfo is None:
        moment = _at(text, moment, zone)
    return int(moment.timestamp() * 1000)


def _at(text: str, moment: datetime, zone: ZoneInfo) -> datetime:
    """On the clocks of this zone, unless they are changed just then."""
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first
    if before < after:
        raise Refused(f"there is no {text}: the clocks are set forward then; write another time")
    raise Refused(
        f"{text} comes twice: the clocks are set back then; say which, "
        f"{first.isoformat(timespec='minutes')} or {second.isoformat(timespec='minutes')}"
    )


def utc_text(ms: int) -> str:
    """For the audit."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_text(ms: int, zone: ZoneInfo) -> str:
    """With its offset from UTC, so that nothing is lost in an hour that comes twice."""
    return datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="seconds")
