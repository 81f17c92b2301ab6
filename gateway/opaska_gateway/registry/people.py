# SPDX-License-Identifier: Apache-2.0
"""People: added, shown, and erased by destroying the key that everything about them needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from opaska_gateway.database.by_hand_tables import by_hand_withdrawal, visit_by_hand
from opaska_gateway.database.tables import (
    absence,
    assignment,
    care_case,
    device,
    event,
    person,
    place,
)
from opaska_gateway.database.visit_tables import visit_correction
from opaska_gateway.errors import Refused
from opaska_gateway.registry import places
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import PERSON, find
from opaska_gateway.registry.organisations import named_or_first
from opaska_gateway.registry.sealed import key_of, listed_facts, open_facts, seal_facts
from opaska_gateway.vault import new_person_key, person_key_purpose

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

SEALED = "person.sealed"
_SHORTEST_PHONE = 3  # digits: an extension, or 112


async def add(change: Change, facts: dict[str, str], organisation: str | None = None) -> bytes:
    """Add a person with these facts ("name", "phone", "notes"); the person's id."""
    if not facts.get("name", "").strip():
        raise Refused("a person needs a name; the dispatcher will ask for it")
    phone = facts.get("phone", "")
    if phone and sum(map(str.isdecimal, phone)) < _SHORTEST_PHONE:
        raise Refused(f"{phone} is not a telephone number; write digits, for example 600100200")
    owner = await named_or_first(change, organisation)
    person_id, key = new_id(), new_person_key()
    await change.connection.execute(
        insert(person).values(
            id=person_id,
            organisation_id=owner,
            wrapped_key=change.vault.wrap(person_key_purpose(person_id), key),
            sealed=seal_facts(key, SEALED, person_id, facts),
            created_ms=change.at_ms,
        )
    )
    await change.note("person_added", _subject(person_id), owner)
    return person_id


async def live_at(
    change: Change, text: str, time_zone: str, address: str | None, area: str | None = None
) -> bytes:
    """Note where a person lives from now on; the place's id. `area` stands in the clear."""
    someone = await find(change.connection, PERSON, text)
    key = key_of(change.vault, someone)
    return await places.add(change, someone, key, time_zone, address, area)


async def erase(change: Change, text: str, why: str) -> bytes:
    """Destroy the person's key and what it sealed; counts and the audit stay. The person's id."""
    someone = await find(change.connection, PERSON, text)
    if someone.wrapped_key is None:
        raise Refused(f"person {text} is erased already")
    await _refuse_while_in_care(change.connection, someone.id)
    mine = {
        person: person.c.id == someone.id,
        place: place.c.person_id == someone.id,
        absence: absence.c.person_id == someone.id,
        visit_correction: visit_correction.c.person_id == someone.id,
        visit_by_hand: visit_by_hand.c.person_id == someone.id,
        by_hand_withdrawal: by_hand_withdrawal.c.person_id == someone.id,
    }
    for table, condition in mine.items():
        await change.connection.execute(update(table).where(condition).values(sealed=None))
    await change.connection.execute(
        update(place).where(place.c.person_id == someone.id).values(area=None)
    )
    await change.connection.execute(
        update(assignment).where(assignment.c.person_id == someone.id).values(sealed_contacts=None)
    )
    await change.connection.execute(  # sealed under the key file while the person's key was broken
        update(event)
        .where(event.c.person_id == someone.id, event.c.body_form == "vault")
        .values(body=None)
    )
    await change.connection.execute(
        update(person)
        .where(person.c.id == someone.id)
        .values(wrapped_key=None, erased_ms=change.at_ms)
    )
    await change.note("person_erased", _subject(someone.id), someone.organisation_id, why=why)
    erased: bytes = someone.id
    return erased


async def list_all(connection: AsyncConnection, vault: Vault) -> list[dict[str, Any]]:
    """Everybody who is not erased, with the bands they wear, in the order they were added."""
    rows = (
        await connection.execute(
            select(person).where(person.c.wrapped_key.is_not(None)).order_by(person.c.created_ms)
        )
    ).all()
    worn = await _bands_worn(connection)
    return [
        {
            "id": row.id.hex(),
            **listed_facts(vault, row, row.id, SEALED, row.id, row.sealed),
            "bands": worn.get(row.id, []),
        }
        for row in rows
    ]


async def show(connection: AsyncConnection, vault: Vault, text: str) -> dict[str, Any]:
    """All we know about one person: facts, places, and every band ever worn."""
    someone = await find(connection, PERSON, text)
    if someone.wrapped_key is None:
        return {"id": someone.id.hex(), "erased_ms": someone.erased_ms}
    key = key_of(vault, someone)
    return {
        "id": someone.id.hex(),
        **open_facts(key, SEALED, someone.id, someone.sealed),
        "places": [
            {
                "time_zone": row.time_zone,
                **open_facts(key, places.SEALED, row.id, row.sealed),
                **({"area": row.area} if row.area else {}),
            }
            for row in await _rows(connection, place, place.c.person_id == someone.id)
        ],
        "assignments": [
            {
                "label": row.label,
                "kid": row.kid.hex(),
                "account": row.account,
                "settings": row.settings,
                "from_ms": row.from_ms,
                "to_ms": row.to_ms,
            }
            for row in await _assignments(connection, someone.id)
        ],
    }


async def _refuse_while_in_care(connection: AsyncConnection, person_id: bytes) -> None:
    worn = (await _bands_worn(connection)).get(person_id)
    if worn:
        raise Refused(
            f"this person wears band {', '.join(worn)}; first: opaska people unassign {worn[0]}"
        )
    open_case = await _rows(
        connection,
        care_case,
        (care_case.c.person_id == person_id) & care_case.c.closed_ms.is_(None),
    )
    if open_case:
        case_id = open_case[0].id.hex()[:8]
        raise Refused(
            f"this person has an open case; first: opaska cases close {case_id} --outcome ..."
        )


async def _bands_worn(connection: AsyncConnection) -> dict[bytes, list[str]]:
    rows = await connection.execute(
        select(assignment.c.person_id, device.c.label)
        .join_from(assignment, device)
        .where(assignment.c.to_ms.is_(None))
        .order_by(device.c.label)
    )
    worn: dict[bytes, list[str]] = {}
    for person_id, label in rows:
        worn.setdefault(person_id, []).append(label)
    return worn


async def _assignments(connection: AsyncConnection, person_id: bytes) -> list[AnyRow]:
    query = (
        select(assignment, device.c.label, device.c.kid)
        .join_from(assignment, device)
        .where(assignment.c.person_id == person_id)
        .order_by(assignment.c.from_ms)
    )
    return list((await connection.execute(query)).all())


async def _rows(connection: AsyncConnection, table: Any, condition: Any) -> list[AnyRow]:
    return list((await connection.execute(select(table).where(condition))).all())


def _subject(person_id: bytes) -> str:
    return f"person:{person_id.hex()}"
