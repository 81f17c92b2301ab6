# SPDX-License-Identifier: Apache-2.0
"""Absences of wearers: in hospital, on a journey. Nobody expects to hear of the band meanwhile; an
SOS rings as always.

An absence is a half-open interval and ends by itself. Why is sealed under the person's key, and so
does not stand in the audit, which outlives an erasure.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from opaska_gateway.database.tables import absence, person
from opaska_gateway.errors import Refused
from opaska_gateway.registry.change import new_id
from opaska_gateway.registry.find import PERSON, find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.registry.people import SEALED as PERSON_SEALED
from opaska_gateway.registry.sealed import UNREADABLE, key_of, listed_facts, seal_facts

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

SEALED = "absence.sealed"
DAY_MS = 86_400_000
LONGEST_DAYS = 366  # a typing error must not end supervision for ever


async def add(change: Change, text: str, begin: str | None, end: str, why: str) -> bytes:
    """Note that a person is away, from now on without `begin`; the absence's id."""
    someone = await find(change.connection, PERSON, text)
    key = key_of(change.vault, someone)
    if not why.strip():
        raise Refused("the reason is empty; write why, such as --why hospital")
    zone = await home_zone(change.connection, someone.id, someone.organisation_id)
    from_ms = change.at_ms if begin is None else moment_ms(begin, zone)
    to_ms = moment_ms(end, zone)
    _check(from_ms, to_ms, change.at_ms)
    absence_id = new_id()
    await change.connection.execute(
        insert(absence).values(
            id=absence_id,
            organisation_id=someone.organisation_id,
            person_id=someone.id,
            from_ms=from_ms,
            to_ms=to_ms,
            sealed=seal_facts(key, SEALED, absence_id, {"why": why}),
            created_ms=change.at_ms,
        )
    )
    await _note(change, "absence_added", someone, None, _text(from_ms, to_ms))
    return absence_id


async def end(change: Change, text: str, *, planned_too: bool = False) -> int:
    """The person is back: end what runs, and with `planned_too` what is still to come."""
    someone = await find(change.connection, PERSON, text)
    query = select(absence).where(
        absence.c.person_id == someone.id, absence.c.to_ms > change.at_ms
    )
    rows = (await change.connection.execute(query)).all()
    chosen = [row for row in rows if planned_too or row.from_ms <= change.at_ms]
    if not chosen:
        raise Refused(
            "this person is not absent yet; --planned calls off what is planned"
            if rows
            else "this person is not absent; see `opaska people absences`"
        )
    for row in chosen:
        this = absence.c.id == row.id
        ended = update(absence).where(this).values(to_ms=change.at_ms)
        dropped = delete(absence).where(this)
        has_begun = row.from_ms < change.at_ms
        await change.connection.execute(ended if has_begun else dropped)
        to_value = _text(row.from_ms, change.at_ms) if has_begun else None
        await _note(change, "absence_ended", someone, _text(row.from_ms, row.to_ms), to_value)
    return len(chosen)


async def list_all(connection: AsyncConnection, vault: Vault, now_ms: int) -> list[dict[str, Any]]:
    """Every absence that is not over, the next end first."""
    query = (
        select(absence, person.c.wrapped_key, person.c.sealed.label("person_sealed"))
        .join(person, absence.c.person_id == person.c.id)
        .where(absence.c.to_ms > now_ms, person.c.wrapped_key.is_not(None))
        .order_by(absence.c.to_ms)
    )
    return [_line(row, vault, now_ms) for row in await connection.execute(query)]


def _line(row: AnyRow, vault: Vault, now_ms: int) -> dict[str, Any]:
    of_row = partial(listed_facts, vault, row, row.person_id)
    return {
        "person_id": row.person_id.hex(),
        "name": of_row(PERSON_SEALED, row.person_id, row.person_sealed).get("name", ""),
        "from_ms": row.from_ms,
        "to_ms": row.to_ms,
        "now": row.from_ms <= now_ms,
        "why": of_row(SEALED, row.id, row.sealed).get("why", UNREADABLE),
    }


def _check(from_ms: int, to_ms: int, now_ms: int) -> None:
    if to_ms <= from_ms:
        raise Refused("it would end before it begins; write a later --until")
    if to_ms <= now_ms:
        raise Refused("it is over already; write a later --until")
    if to_ms - from_ms > LONGEST_DAYS * DAY_MS:
        raise Refused(f"it would last more than {LONGEST_DAYS} days; take the band off instead")


def _text(from_ms: int, to_ms: int) -> str:
    return f"{utc_text(from_ms)} {utc_text(to_ms)}"


async def _note(
    change: Change, what: str, someone: AnyRow, from_value: str | None, to_value: str | None
) -> None:
    subject = f"person:{someone.id.hex()}"
    owner = someone.organisation_id
    await change.note(what, subject, owner, from_value=from_value, to_value=to_value)
