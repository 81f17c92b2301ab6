# SPDX-License-Identifier: Apache-2.0
"""The technician's list of what visits have shown to be wrong: who sees to it, and by when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway.database.tables import device
from opaska_gateway.database.visit_tables import visit_fault

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow

OPEN, OVERDUE, ENDED = "open", "overdue", "ended"


async def list_all(
    connection: AsyncConnection, since_ms: int, now_ms: int
) -> list[dict[str, Any]]:
    """Open ones, the next due first, but not of revoked bands; then those ended since then."""
    is_open = visit_fault.c.ended_ms.is_(None)
    query = (
        select(visit_fault, device.c.label, device.c.kid)
        .join(device, visit_fault.c.device_id == device.c.id)
        .where((is_open & device.c.revoked_ms.is_(None)) | (visit_fault.c.ended_ms >= since_ms))
        .order_by(visit_fault.c.ended_ms.is_not(None), visit_fault.c.due_ms, visit_fault.c.id)
    )
    return [_line(row, now_ms) for row in await connection.execute(query)]


def _line(row: AnyRow, now_ms: int) -> dict[str, Any]:
    return {
        "label": row.label,
        "kid": row.kid.hex(),
        "fault": f"{row.what.replace('_', ' ')}, at a visit",
        "times": None,
        "first_ms": row.since_ms,
        "last_ms": row.ended_ms,
        "detail": row.detail,
        "centre": "",  # is told of an alarm, and of faults that the band itself reports
        "state": ENDED if row.ended_ms else OVERDUE if row.due_ms < now_ms else OPEN,
        "in_charge": row.in_charge,
        "due_ms": row.due_ms,
    }
