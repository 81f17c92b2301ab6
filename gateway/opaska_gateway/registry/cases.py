# SPDX-License-Identifier: Apache-2.0
"""The case list as an operator reads it: who, since when, what happened, how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from opaska_gateway.care.worn import WORDS
from opaska_gateway.database import wear
from opaska_gateway.database.outbox import CENTRE
from opaska_gateway.database.tables import care_case, device, event, fall_label, outbox, person
from opaska_gateway.registry import motion, whereabouts
from opaska_gateway.registry.people import SEALED
from opaska_gateway.registry.sealed import listed_facts

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault


_CASES: Final = (
    select(
        care_case,
        device.c.label,
        device.c.kid,
        person.c.wrapped_key,
        person.c.sealed,
        fall_label.c.fell,
    )
    .join_from(care_case, device)
    .outerjoin(person)
    .outerjoin(fall_label, fall_label.c.case_id == care_case.c.id)
)


async def list_all(
    connection: AsyncConnection, vault: Vault, *, closed_too: bool
) -> list[dict[str, Any]]:
    """Cases, newest first, each with the kinds of alarm in it."""
    query = _CASES.order_by(care_case.c.opened_ms.desc())
    if not closed_too:
        query = query.where(care_case.c.closed_ms.is_(None))
    rows = (await connection.execute(query)).all()
    kinds = await _kinds(connection, [row.id for row in rows])
    return [_shown(row, vault, kinds.get(row.id, [])) for row in rows]


def name_of(row: AnyRow, vault: Vault) -> str:
    """Of the wearer; a band that nobody wears, or an erased person, has none."""
    facts = listed_facts(vault, row, row.person_id, SEALED, row.person_id, row.sealed)
    return facts.get("name", "")


async def show(connection: AsyncConnection, vault: Vault, case_id: bytes) -> dict[str, Any]:
    """One case with its announced falls, how much of their motion has come, how the band was
    worn: taken off, and on again; and where it was."""
    row = (await connection.execute(_CASES.where(care_case.c.id == case_id))).one()
    kinds = await _kinds(connection, [case_id])
    falls = await motion.of_case(connection, vault, case_id)
    facts = _shown(row, vault, kinds.get(case_id, []))
    kinds_told = " ".join(facts["kinds"])
    told = [fall.shown() for fall in falls]
    worn = [
        {"state": WORDS.get(one.state, f"state {one.state}"), "since_ms": one.since_ms}
        for one in await wear.of_case(connection, case_id)
    ]
    places = await whereabouts.of_case(connection, vault, case_id)
    facts |= {"kinds": kinds_told, "fell": row.fell, "falls": told, "wear": worn}
    return {**facts, "places": places}


async def note_reading(change: Change, case_id: bytes) -> None:
    """Somebody was shown where the band was."""
    whose = select(care_case.c.organisation_id).where(care_case.c.id == case_id)
    owner = (await change.connection.execute(whose)).scalar_one()
    await change.note("places_read", f"case:{case_id.hex()}", owner)


def _shown(row: AnyRow, vault: Vault, kinds: list[str]) -> dict[str, Any]:
    return {
        "id": row.id.hex(),
        "state": row.state,
        "opened_ms": row.opened_ms,
        "taken_ms": row.taken_ms,
        "closed_ms": row.closed_ms,
        "outcome": row.outcome,
        "label": row.label,
        "kid": row.kid.hex(),
        "name": name_of(row, vault),
        "kinds": kinds,
    }


async def _kinds(connection: AsyncConnection, case_ids: list[bytes]) -> dict[bytes, list[str]]:
    """By case, what rang in it, in the words that the centre's tables know, and in order."""
    rows = await connection.execute(
        select(event.c.case_id, outbox.c.payload)
        .join_from(event, outbox, outbox.c.event_id == event.c.id)
        .where(event.c.case_id.in_(case_ids), outbox.c.destination == CENTRE)
        .order_by(outbox.c.id)
    )
    kinds: dict[bytes, list[str]] = {}
    for case_id, payload in rows:
        words = kinds.setdefault(case_id, [])
        if payload["kind"] not in words:
            words.append(payload["kind"])
    return kinds
