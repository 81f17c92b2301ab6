# SPDX-License-Identifier: Apache-2.0
"""Visits that are planned: noted, called off, and what became of each.

The band tells its carer that a visit was expected; nothing else depends on a plan.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from opaska_gateway.care.services import POLISH
from opaska_gateway.care.visit_plan import AROUND_MS
from opaska_gateway.database import visit_book
from opaska_gateway.database.tables import ID_BYTES
from opaska_gateway.database.visit_tables import planned_visit
from opaska_gateway.errors import Refused
from opaska_gateway.registry import services
from opaska_gateway.registry.carers import CARER
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import PERSON, Sought, find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.registry.names import Names, names_of
from opaska_gateway.registry.sealed import key_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.database.visit_book import Book
    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

PLAN = Sought("planned visit", planned_visit.c.id, ID_BYTES, "opaska visits planned")
LONGEST = 1440  # minutes
MOST_WEEKS = 53
ANYBODY = "anybody"
EXPECTED, DONE, MISSED, CALLED_OFF = "expected", "done", "missed", "called off"
BY_HAND = "noted by hand"  # somebody says that it was done


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
    await services.check(change.connection, someone.organisation_id, service)
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
    connection: AsyncConnection,
    vault: Vault,
    since_ms: int,
    now_ms: int,
    language: str = POLISH,
) -> list[dict[str, Any]]:
    """Those since then and to come, the earliest first, and what became of them."""
    around = since_ms - AROUND_MS, now_ms, now_ms
    begun = _begun(await connection.run_sync(visit_book.read, *around))
    query = (
        select(planned_visit)
        .where(planned_visit.c.at_ms >= since_ms)
        .order_by(planned_visit.c.at_ms, planned_visit.c.created_ms)
    )
    rows = (await connection.execute(query)).all()
    names = await names_of(connection, vault, (row.person_id for row in rows), language)
    return [_line(row, begun.get(row.id), names, now_ms) for row in rows]


def _line(
    row: AnyRow, begun: tuple[str, int | str] | None, names: Names, now_ms: int
) -> dict[str, Any]:
    state, visit = begun or (_state(row, now_ms), None)
    return {
        "id": row.id.hex(),
        "person": names.person(row.person_id),
        "carer": names.carer(row.carer_id) if row.carer_id else ANYBODY,
        "service": row.service,
        "service_name": names.service(row.organisation_id, row.service, row.at_ms),
        "minutes": row.minutes,
        "at_ms": row.at_ms,
        "state": state,
        "visit": visit,
        "by": row.said_by,
    }


def _begun(book: Book) -> dict[bytes, tuple[str, int | str]]:
    """What became of plans: (done or noted by hand, which visit)."""
    begun: dict[bytes, tuple[str, int | str]] = {}
    for visit in book.visits:
        for row in (book.rows[one.event_id] for one in visit.touches):
            if row.planned_for == row.person_id and not book.is_withdrawn(visit):
                begun.setdefault(row.planned_id, (DONE, visit.id))
    for one in book.by_hand:
        if one.planned_id is not None and one.withdrawal is None:
            begun.setdefault(one.planned_id, (BY_HAND, one.id))
    return begun


def _state(row: AnyRow, now_ms: int) -> str:
    """Nothing became of it; a band without a network may still bring what looks missed."""
    if row.cancelled_ms is not None:
        return CALLED_OFF
    return MISSED if now_ms > row.at_ms + AROUND_MS else EXPECTED


def _weekly(first_ms: int, weeks: int, zone: ZoneInfo) -> list[int]:
    """At the same hour, also when the clocks are changed in between."""
    first = datetime.fromtimestamp(first_ms / 1000, zone)
    later = (first + timedelta(weeks=number) for number in range(1, weeks))
    return [first_ms, *(round(one.timestamp() * 1000) for one in later)]


def _subject(plan_id: bytes) -> str:
    return f"planned_visit:{plan_id.hex()}"
