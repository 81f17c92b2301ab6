# SPDX-License-Identifier: Apache-2.0
"""What people say of visits: corrections beside what the bands have measured, never instead of it.

A correction is a row that nobody changes or removes; another one may follow it. Why is sealed
under the wearer's key, and so does not stand in the audit, which outlives an erasure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from opaska_gateway.database import visit_book
from opaska_gateway.database.tables import person
from opaska_gateway.database.visit_tables import visit_correction, visit_touch
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import by_hand, services
from opaska_gateway.registry.carers import CARER
from opaska_gateway.registry.find import find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.registry.sealed import key_of, seal_facts
from opaska_gateway.registry.visits import SAID_SEALED, said_id
from opaska_gateway.vault import personal_context

if TYPE_CHECKING:
    from opaska_gateway.care.visit import Visit
    from opaska_gateway.database.visit_book import Book
    from opaska_gateway.registry.change import AnyRow, Change

LONGEST_MS = 24 * 3_600_000  # a typing error makes no visit of a week


class Said(NamedTuple):
    """What somebody says of a visit; None: nothing."""

    begin: str | None = None
    end: str | None = None
    carer: str | None = None
    service: int | None = None
    withdrawn: bool | None = None


async def correct(change: Change, visit: int | str, said: Said, why: str) -> int:
    """Note what somebody says of the visit with this number; how many things that are."""
    text = str(visit)
    if text.startswith("h"):
        return await _withdraw(change, text, said, why)
    number = by_hand.row_number(text)
    if not why.strip():
        raise Refused("the reason is empty; write why, such as --why 'forgot to check out'")
    touch, was = await _visit(change, number)
    values = await _values(change, touch, said)
    if not values:
        raise Refused("nothing was said; write --from, --to, --carer, --service or --withdraw")
    if "from" in values or "to" in values:
        _check_times(was | values)
    sealed = await _sealed(change, touch, why)
    for what, value in values.items():
        await change.connection.execute(
            insert(visit_correction).values(
                organisation_id=touch.organisation_id,
                event_id=number,
                person_id=touch.person_id,
                what=what,
                from_value=was.get(what),
                to_value=value,
                sealed=sealed,
                said_by=change.who,
                said_ms=change.at_ms,
            )
        )
        await change.note(
            "visit_corrected",
            f"visit:{number}",
            touch.organisation_id,
            from_value=_in_words(what, was.get(what)),
            to_value=_in_words(what, value),
        )
    return len(values)


async def _withdraw(change: Change, text: str, said: Said, why: str) -> int:
    """One that was noted by hand is as somebody said, so there is nothing to lay beside it."""
    if said != Said(withdrawn=True):
        raise Refused(
            f"visit {text} was noted by hand: withdraw it with --withdraw, and add it as it was"
        )
    await by_hand.withdraw(change, text, why)
    return 1


async def _visit(change: Change, number: int) -> tuple[AnyRow, dict[str, str]]:
    """(its touch of this number, what holds of it: as measured, or as was said last)"""
    query = (
        select(visit_touch, person.c.wrapped_key)
        .outerjoin(person, visit_touch.c.person_id == person.c.id)
        .where(visit_touch.c.event_id == number)
    )
    touch = (await change.connection.execute(query)).first()
    if touch is not None:
        around = touch.at_ms, touch.at_ms, change.at_ms
        book = await change.connection.run_sync(visit_book.read, *around)
        for visit in book.visits:
            if number in (one.event_id for one in visit.touches):
                return touch, _holds(visit, book)
    raise NotFound("there is no such visit; see `opaska visits list`")


def _holds(visit: Visit, book: Book) -> dict[str, str]:
    carer_id = visit.first.carer_id
    measured = {
        "from": str(visit.begin.at_ms) if visit.begin else None,
        "to": str(visit.end.at_ms) if visit.end else None,
        "carer": carer_id.hex() if carer_id else None,
        "service": str(visit.service),
    }
    holds = measured | book.last_said(visit)
    return {what: value for what, value in holds.items() if value is not None}


async def _values(change: Change, touch: AnyRow, said: Said) -> dict[str, str]:
    values: dict[str, str] = {}
    zone = await home_zone(change.connection, touch.person_id, touch.organisation_id)
    for what, text in (("from", said.begin), ("to", said.end)):
        if text is not None:
            values[what] = str(_time(change, touch, moment_ms(text, zone)))
    if said.carer is not None:
        values["carer"] = (await find(change.connection, CARER, said.carer)).id.hex()
    if said.service is not None:
        owner = touch.organisation_id
        values["service"] = str(await services.check(change.connection, owner, said.service))
    if said.withdrawn is not None:
        values["withdrawn"] = str(int(said.withdrawn))
    return values


def _check_times(values: dict[str, str]) -> None:
    """As it would hold then."""
    if "from" in values and "to" in values and int(values["to"]) <= int(values["from"]):
        raise Refused("it would end before it begins; write --from and --to as it was")


def _time(change: Change, touch: AnyRow, ms: int) -> int:
    if ms > change.at_ms:
        raise Refused("that time is still to come; write when it was")
    if abs(ms - touch.at_ms) > LONGEST_MS:
        raise Refused("that is more than a day from the touch; is it another visit?")
    return ms


async def _sealed(change: Change, touch: AnyRow, why: str) -> bytes:
    row_id = said_id(touch.event_id, change.at_ms)
    if touch.person_id is None:  # nobody wore the band
        return change.vault.wrap(personal_context(SAID_SEALED, row_id), why.encode())
    return seal_facts(
        key_of(change.vault, touch, touch.person_id), SAID_SEALED, row_id, {"why": why}
    )


def _in_words(what: str, value: str | None) -> str | None:
    """For the audit."""
    if value is None:
        return None
    if what in ("from", "to"):
        return f"{what} {utc_text(int(value))}"
    return f"{what}:{value}"
