# SPDX-License-Identifier: Apache-2.0
"""The list of announced falls: whose, when, and what became of each; also silent ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from opaska_gateway.care.fall import RAISED
from opaska_gateway.database.tables import announced_fall, device, event, person
from opaska_gateway.registry.cases import name_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

_said = event.alias("said")  # the announcement
_end = event.alias("its_end")  # what settled it
_heard_ms = func.coalesce(announced_fall.c.announced_ms, announced_fall.c.settled_ms)
_person_id = func.coalesce(_said.c.person_id, _end.c.person_id)
_FALLS = (
    select(
        announced_fall,
        _said.c.occurred_ms,
        _end.c.case_id,
        device.c.label,
        device.c.kid,
        _person_id.label("person_id"),
        person.c.wrapped_key,
        person.c.sealed,
    )
    .join_from(announced_fall, device)
    .outerjoin(_said, announced_fall.c.event_id == _said.c.id)
    .outerjoin(_end, announced_fall.c.settled_by_event_id == _end.c.id)
    .outerjoin(person, person.c.id == _person_id)
    .order_by(_heard_ms.desc(), announced_fall.c.id.desc())
)


async def list_all(
    connection: AsyncConnection, vault: Vault, since_ms: int
) -> list[dict[str, Any]]:
    """Falls that were heard of since then, the latest first."""
    rows = await connection.execute(_FALLS.where(_heard_ms >= since_ms))
    return [_shown(row, vault) for row in rows]


def _shown(row: AnyRow, vault: Vault) -> dict[str, Any]:
    is_raised = row.state == RAISED
    return {
        "state": row.state,
        "settled_by": row.settled_by,
        "still": None if row.still is None else bool(row.still),
        "happened_ms": row.occurred_ms,
        "announced_ms": row.announced_ms,
        "due_ms": row.due_ms,
        "cancelled_ms": row.cancelled_ms,
        "settled_ms": row.settled_ms,
        "label": row.label,
        "kid": row.kid.hex(),
        "generation": row.generation,
        "boot": row.boot,
        "seq": row.seq,
        "name": name_of(row, vault),
        "case": row.case_id.hex() if is_raised and row.case_id else None,
    }
