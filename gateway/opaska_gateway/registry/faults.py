# SPDX-License-Identifier: Apache-2.0
"""The technician's list: what bands said is wrong with them, a line for each kind of each band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway.care.alarm_kinds import fault_word
from opaska_gateway.database.outbox import REPEATED, TROUBLE
from opaska_gateway.database.tables import device, event, outbox
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow


async def list_all(connection: AsyncConnection, since_ms: int) -> list[dict[str, Any]]:
    """Faults received since then, the latest first."""
    query = (
        select(device.c.label, device.c.kid, event.c.body, event.c.received_ms, outbox.c.outcome)
        .join_from(outbox, event, outbox.c.event_id == event.c.id)
        .join(device, event.c.device_id == device.c.id)
        .where(outbox.c.destination == TROUBLE, event.c.received_ms >= since_ms)
        .where(event.c.kind == "report")  # silent bands have a list of their own
        .order_by(event.c.received_ms, event.c.id)
    )
    lines: dict[tuple[bytes, str], dict[str, Any]] = {}
    for row in await connection.execute(query):
        fields = _fields(row)
        fault = fault_word(fields.get("code"))
        line = lines.setdefault((row.kid, fault), _line(row, fault))
        line["times"] += 1
        line["last_ms"] = row.received_ms
        line["detail"] = _printable(fields.get("detail", "")) or line["detail"]
        if row.outcome != REPEATED:  # which says nothing about the centre
            line["centre"] = row.outcome or "waiting"
    return sorted(lines.values(), key=lambda line: line["last_ms"], reverse=True)


def _line(row: AnyRow, fault: str) -> dict[str, Any]:
    return {
        "label": row.label,
        "kid": row.kid.hex(),
        "fault": fault,
        "times": 0,
        "first_ms": row.received_ms,
        "detail": "",
        "centre": "",
    }


def _fields(row: AnyRow) -> dict[str, Any]:
    try:
        return decode_report(row.body or b"").fields
    except ProtocolError:
        return {}


def _printable(text: str) -> str:
    """A stolen band must not write to the technician's terminal as it likes."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
