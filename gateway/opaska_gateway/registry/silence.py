# SPDX-License-Identifier: Apache-2.0
"""The technician's queue: who is silent, since when, probably why, and whom to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from opaska_gateway.care.outage import AREA, ORGANISATION
from opaska_gateway.care.silence import SILENT
from opaska_gateway.database.outbox import TROUBLE
from opaska_gateway.database.tables import device, organisation, outage, outbox, person, silence
from opaska_gateway.registry.people import SEALED
from opaska_gateway.registry.sealed import listed_facts

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

_LINES = (
    select(
        silence,
        device.c.label,
        device.c.kid,
        person.c.wrapped_key,
        person.c.sealed,
        outage.c.level,
        outage.c.place,
        outbox.c.id.label("told"),
        outbox.c.outcome,
    )
    .join(device, silence.c.device_id == device.c.id)
    .join(person, silence.c.person_id == person.c.id)
    .outerjoin(outage, silence.c.outage_id == outage.c.id)
    .outerjoin(
        outbox,
        (outbox.c.event_id == func.coalesce(silence.c.event_id, outage.c.event_id))
        & (outbox.c.destination == TROUBLE),
    )
    .order_by(silence.c.since_ms)
)


async def list_all(
    connection: AsyncConnection, vault: Vault, since_ms: int | None = None
) -> list[dict[str, Any]]:
    """Bands that are silent, the longest first; with `since_ms` also missing ones, and those
    that came back since then."""
    wanted = silence.c.state == SILENT
    if since_ms is not None:
        wanted = silence.c.ended_ms.is_(None) | (silence.c.ended_ms >= since_ms)
    rows = (await connection.execute(_LINES.where(wanted))).all()
    names = {
        row.id.hex(): row.name
        for row in await connection.execute(select(organisation.c.id, organisation.c.name))
    }
    return [_line(row, vault, names) for row in rows]


def _line(row: AnyRow, vault: Vault, names: dict[str, str]) -> dict[str, Any]:
    facts = listed_facts(vault, row, row.person_id, SEALED, row.person_id, row.sealed)
    return {
        "label": row.label,
        "kid": row.kid.hex(),
        "state": row.state,
        "since_ms": row.since_ms,
        "raised_ms": row.raised_ms,
        "ended_ms": row.ended_ms,
        "cause": (row.cause or "").replace("_", " "),
        "detail": row.detail or "",
        "name": facts.get("name", ""),
        "phone": facts.get("phone", ""),
        "outage": _outage(row, names),
        "centre": (row.outcome or "waiting") if row.told else "",
    }


def _outage(row: AnyRow, names: dict[str, str]) -> str:
    """Its number and where it is."""
    if row.outage_id is None:
        return ""
    where = {ORGANISATION: "everywhere", AREA: f"area {row.place}"}.get(row.level)
    return f"{row.outage_id}: {where or names.get(row.place, row.place)}"
