# SPDX-License-Identifier: Apache-2.0
"""Which bands do not have the time of their wearer's home, and the order that gives it to them:
told by its line in the audit, as any other change of the registry.

Lives in the thread of the database: called inside its transactions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select, update

from opaska_gateway.database import band_settings
from opaska_gateway.database.audit import Entry, append_now
from opaska_gateway.database.homes import time_zone_of
from opaska_gateway.database.tables import assignment, device
from opaska_protocol.orders import whole_settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

OFFSET: Final = "utc_offset_min"
MADE_WITH: Final = whole_settings({})[OFFSET]  # what a band has that was told nothing

_WORN = (
    select(
        assignment.c.id,
        assignment.c.organisation_id,
        assignment.c.device_id,
        assignment.c.settings,
        time_zone_of(assignment.c.person_id, assignment.c.organisation_id).label("zone"),
    )
    .join(device, assignment.c.device_id == device.c.id)
    .where(assignment.c.to_ms.is_(None), device.c.revoked_ms.is_(None))
)


def wrong(connection: Connection, now_ms: int) -> list[bytes]:
    """Assignments whose band has another offset than its wearer's home has now."""
    rows = connection.execute(_WORN).all()
    now = {zone: _offset_min(zone, now_ms) for zone in {row.zone for row in rows}}
    return [row.id for row in rows if now[row.zone] not in (None, _has(row.settings))]


def correct(connection: Connection, assignment_id: bytes, now_ms: int) -> bool:
    """Order the offset of now, with the rest of the wearer's settings; False: nothing is wrong."""
    row = connection.execute(
        _WORN.where(assignment.c.id == assignment_id).with_for_update(of=assignment)
    ).first()
    if row is None:
        return False  # taken off meanwhile
    had, offset_min = _has(row.settings), _offset_min(row.zone, now_ms)
    if offset_min in (None, had):
        return False
    settings = {**row.settings, OFFSET: offset_min}
    connection.execute(
        update(assignment).where(assignment.c.id == row.id).values(settings=settings)
    )
    version, _ = band_settings.want(connection, row.device_id, row.organisation_id, settings)
    entry = Entry(
        row.organisation_id,
        "gateway",
        "settings_ordered",
        f"device:{row.device_id.hex()}",
        f"{OFFSET}={had}",
        f"{OFFSET}={offset_min} version={version}",
        "time of the home",
    )
    append_now(connection, [entry])
    return True


def _has(settings: dict[str, Any]) -> int:
    offset_min: int = settings.get(OFFSET, MADE_WITH)
    return offset_min


def _offset_min(zone: str, now_ms: int) -> int | None:
    """Local time less UTC, in whole minutes; None: this machine does not know the zone."""
    try:
        offset = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return None if offset is None else round(offset.total_seconds() / 60)
