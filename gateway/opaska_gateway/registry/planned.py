# SPDX-License-Identifier: Apache-2.0
"""Visits that are planned: noted, called off, and what became of each.

The band tells its carer that a visit was expected; nothing else depends on a plan.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from opaska_gateway.care.visit_plan import AROUND_MS
from opaska_gateway.database.tables import ID_BYTES
from opaska_gateway.database.visit_tables import planned_visit, visit_touch
from opaska_gateway.errors import Refused
from opaska_gateway.registry.cards import SERVICES
from opaska_gateway.registry.carers import CARER
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import PERSON, Sought, find
from opaska_gateway.registry.moments import home_zone, local_text, moment_ms, utc_text
from opaska_gateway.registry.sealed import key_of
from opaska_gateway.registry.visits import names_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

PLAN = Sought("planned visit", planned_visit.c.id, ID_BYTES, "opaska visits planned")
LONGEST = 1440  # minutes
MOST_WEEKS = 53
ANYBODY = "anybody"
EXPECTED, DONE, MISSED, CALLED_OFF = "expected", "done", "missed", "called off"


async def add(
    change: Change,
    person_text: str,
    at: str,
    minutes: int,
    service: int = 1,
    carer_text: str | None = None,
    weeks: int = 1,
) -> list[bytes]:
    """Note a visit, and the same in the weeks after it, at the same hour of the day; the ids."""
    someone = await find(change.connection, PERSON, person_text)
    key_of(change.vault, someone)  # refuses an erased person
    carer_id = (await find(change.connection, CARER, carer_text)).id if carer_text else None
    if service not in SERVICES:
        raise Refused(f"service {service} is out of range; write a number of 1 to 99")
    if not 1 <= minutes <= LONGEST:
        raise Refused(f"{minutes} minutes are out of range; write 1 to {LONGEST}")
    if not 1 <= weeks <= MOST_WEEKS:
        raise Refused(f"{weeks} weeks are out of range; write 1 to {MOST_WEEKS}")
    zone = await home_zone(change.connection, someone.id, someone.organisation_id)
    first_ms = moment_ms(at, zone)
    if first_ms < change.at_ms - AROUND_MS:
        raise Refused("that is over; write a time that is still to come")
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "organisation_id": someone.organisation_id,
            "person_id": someone.id,
            "carer_id": carer_id,
            "service": service,
            "minutes": minutes,
            "at_ms": at_ms,
            "said_by": change.who,
            "created_ms": change.at_ms,
        }
        for at_ms in _weekly(first_ms, weeks, zone)
    ]
    await change.connection.execute(insert(planned_visit), rows)
    for row in rows:
        to_value = f"person:{someone.id.hex()} at {utc_text(row['at_ms'])}"
        owner = someone.organisation_id
        await change.note("visit_planned", _subject(row["id"]), owner, to_value=to_value)
    return [row["id"] for row in rows]


async def call_off(change: Change, text: str, why: str) -> int:
    """A planned visit will not be; when it would have been."""
    found = await find(change.connection, PLAN, text)
    if found.cancelled_ms is not None:
        raise Refused(f"planned visit {text} is called off already")
    await change.connection.execute(
        update(planned_visit)
        .where(planned_visit.c.id == found.id)
        .values(cancelled_ms=change.at_ms)
    )
    await change.note("visit_called_off", _subject(found.id), found.organisation_id, why=why)
    at_ms: int = found.at_ms
    return at_ms


async def list_all(
    connection: AsyncConnection, vault: Vault, since_ms: int, now_ms: int
) -> list[dict[str, Any]]:
    """Those since then and to come, the earliest first, and what became of them."""
    begun = (
        select(func.min(visit_touch.c.event_id))
        .where(
            visit_touch.c.planned_id == planned_visit.c.id,
            visit_touch.c.person_id == planned_visit.c.person_id,
        )
        .scalar_subquery()
    )
    query = (
        select(planned_visit, begun.label("visit"))
        .where(planned_visit.c.at_ms >= since_ms)
        .order_by(planned_visit.c.at_ms, planned_visit.c.created_ms)
    )
    rows = (await connection.execute(query)).all()
    names = await names_of(connection, vault, (row.person_id for row in rows))
    return [
        {
            "id": row.id.hex(),
            "person": names.person(row.person_id),
            "carer": names.carers[row.carer_id] if row.carer_id else ANYBODY,
            "service": row.service,
            "minutes": row.minutes,
            "at_ms": row.at_ms,
            "state": _state(row, now_ms),
            "visit": row.visit,
            "by": row.said_by,
        }
        for row in rows
    ]


def _state(row: AnyRow, now_ms: int) -> str:
    """A band without a network may still bring what looks missed."""
    if row.visit is not None:
        return DONE
    if row.cancelled_ms is not None:
        return CALLED_OFF
    return MISSED if now_ms > row.at_ms + AROUND_MS else EXPECTED


def _weekly(first_ms: int, weeks: int, zone: ZoneInfo) -> list[int]:
    """At the same hour, also when the clocks are changed in between."""
    first = datetime.fromisoformat(local_text(first_ms, zone)).replace(tzinfo=zone)
    return [round((first + timedelta(weeks=number)).timestamp() * 1000) for number in range(weeks)]


def _subject(plan_id: bytes) -> str:
    return f"planned_visit:{plan_id.hex()}"
