# SPDX-License-Identifier: Apache-2.0
"""What people say of visits: corrections beside what the bands have measured, never instead of it.

A correction is a row that nobody changes or removes; another one may follow it. Why is sealed
under the wearer's key, and so does not stand in the audit, which outlives an erasure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from opaska_gateway.care.touch import COUNTING, standing
from opaska_gateway.database.tables import event, person
from opaska_gateway.database.visit_tables import card, visit_correction, visit_touch
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry.cards import SERVICES
from opaska_gateway.registry.carers import CARER
from opaska_gateway.registry.find import find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.registry.sealed import key_of, seal_facts
from opaska_gateway.registry.visits import SAID_SEALED, said_id
from opaska_gateway.vault import personal_context

if TYPE_CHECKING:
    from opaska_gateway.registry.change import AnyRow, Change

LONGEST_MS = 24 * 3_600_000  # a typing error makes no visit of a week


class Said(NamedTuple):
    """What somebody says of a visit; None: nothing."""

    begin: str | None = None
    end: str | None = None
    carer: str | None = None
    service: int | None = None
    withdrawn: bool = False


async def correct(change: Change, visit: int, said: Said, why: str) -> int:
    """Note what somebody says of the visit with this number; how many things that are."""
    if not why.strip():
        raise Refused("the reason is empty; write why, such as --why 'forgot to check out'")
    touch = await _touch(change, visit)
    values = await _values(change, touch, said)
    if not values:
        raise Refused("nothing was said; write --from, --to, --carer, --service or --withdraw")
    sealed = await _sealed(change, touch, why)
    for what, value in values.items():
        was = await _last(change, visit, what)
        await change.connection.execute(
            insert(visit_correction).values(
                organisation_id=touch.organisation_id,
                event_id=visit,
                person_id=touch.person_id,
                what=what,
                from_value=was,
                to_value=value,
                sealed=sealed,
                said_by=change.who,
                said_ms=change.at_ms,
            )
        )
        await change.note(
            "visit_corrected",
            f"visit:{visit}",
            touch.organisation_id,
            from_value=_in_words(what, was),
            to_value=_in_words(what, value),
        )
    return len(values)


async def _touch(change: Change, visit: int) -> AnyRow:
    query = (
        select(visit_touch, card.c.revoked_ms, person.c.wrapped_key)
        .join(event, visit_touch.c.event_id == event.c.id)
        .outerjoin(card, visit_touch.c.card_id == card.c.id)
        .outerjoin(person, visit_touch.c.person_id == person.c.id)
        .where(visit_touch.c.event_id == visit)
    )
    row = (await change.connection.execute(query)).first()
    if row is None or standing(row.verdict, row.at_ms, row.revoked_ms) not in COUNTING:
        raise NotFound(f"there is no visit {visit}; see `opaska visits list`")
    return row


async def _values(change: Change, touch: AnyRow, said: Said) -> dict[str, str]:
    values: dict[str, str] = {}
    zone = await home_zone(change.connection, touch.person_id, touch.organisation_id)
    for what, text in (("from", said.begin), ("to", said.end)):
        if text is not None:
            values[what] = str(_time(change, touch, moment_ms(text, zone)))
    if "from" in values and "to" in values and int(values["to"]) <= int(values["from"]):
        raise Refused("it would end before it begins; write a later --to")
    if said.carer is not None:
        values["carer"] = (await find(change.connection, CARER, said.carer)).id.hex()
    if said.service is not None:
        if said.service not in SERVICES:
            raise Refused(f"service {said.service} is out of range; write a number of 1 to 99")
        values["service"] = str(said.service)
    if said.withdrawn:
        values["withdrawn"] = "1"
    return values


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


async def _last(change: Change, visit: int, what: str) -> str | None:
    """What was said of it before."""
    query = (
        select(visit_correction.c.to_value)
        .where(visit_correction.c.event_id == visit, visit_correction.c.what == what)
        .order_by(visit_correction.c.id.desc())
        .limit(1)
    )
    last: str | None = (await change.connection.execute(query)).scalar()
    return last


def _in_words(what: str, value: str | None) -> str | None:
    """For the audit."""
    if value is None:
        return None
    if what in ("from", "to"):
        return f"{what} {utc_text(int(value))}"
    return f"{what}:{value}"
