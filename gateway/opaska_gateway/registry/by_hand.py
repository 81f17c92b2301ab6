# SPDX-License-Identifier: Apache-2.0
"""Visits noted by hand, when a card was forgotten: who asked for it and why, sealed under the
wearer's key; withdrawn with a trace, never changed. In each list they are marked as what they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from opaska_gateway.care.by_hand import LONGEST_MS, STATE, ByHand, Withdrawal
from opaska_gateway.care.visit_plan import expected
from opaska_gateway.database import by_hand, visit_book, visits
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import services
from opaska_gateway.registry.carers import CARER
from opaska_gateway.registry.find import PERSON, find
from opaska_gateway.registry.moments import home_zone, moment_ms, utc_text
from opaska_gateway.registry.sealed import key_of, open_facts, seal_facts
from opaska_gateway.vault import VaultError

if TYPE_CHECKING:
    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.registry.names import Names

SEALED = "visit_by_hand.sealed"
WITHDRAWN_SEALED = "by_hand_withdrawal.sealed"


class Told(NamedTuple):
    """What somebody says of it; times as people write them."""

    begin: str
    end: str
    service: int
    away: bool | None = None  # from home; None = nobody says


async def add(
    change: Change, person_text: str, carer_text: str, told: Told, asked_by: str, why: str
) -> str:
    """Note a visit; its number in the lists."""
    someone = await find(change.connection, PERSON, person_text)
    key = key_of(change.vault, someone)  # refuses an erased person
    carer = await find(change.connection, CARER, carer_text)
    if carer.wrapped_key is None:
        raise Refused(f"carer {carer_text} was erased; name who came, see `opaska carers list`")
    if not asked_by.strip() or not why.strip():
        raise Refused("write who asked for it and why: --asked-by ... --why 'forgot the card'")
    one = await _visit(change, someone, carer, told)
    await _refuse_again(change, one)
    plans = await change.connection.run_sync(visits.plans, one.person_id, one.from_ms)
    is_own = carer.organisation_id == someone.organisation_id
    plan = expected(plans, one.carer_id, one.from_ms, is_own=is_own)
    facts = {"asked_by": asked_by.strip(), "why": why.strip()}
    values = {
        "organisation_id": one.organisation_id,
        "person_id": one.person_id,
        "carer_id": one.carer_id,
        "service": one.service,
        "from_ms": one.from_ms,
        "to_ms": one.to_ms,
        "away": one.away,
        "planned_id": plan and plan.id,
        "sealed": seal_facts(key, SEALED, _row_id(one.from_ms, one.said_ms), facts),
        "said_by": one.said_by,
        "said_ms": one.said_ms,
    }
    one.number = await change.connection.run_sync(by_hand.add, values)
    to_value = (
        f"carer:{one.carer_id.hex()} person:{one.person_id.hex()} service:{one.service} "
        f"from {utc_text(one.from_ms)} to {utc_text(one.to_ms)}"
    )
    subject = f"visit:{one.id}"
    await change.note("visit_by_hand", subject, one.organisation_id, to_value=to_value)
    return one.id


async def withdraw(change: Change, text: str, why: str) -> None:
    """Say that there was no such visit; it stays in the lists, as withdrawn."""
    one = await change.connection.run_sync(by_hand.numbered, row_number(text.removeprefix("h")))
    if one is None:
        raise NotFound(f"there is no visit {text}; see `opaska visits list`")
    if one.withdrawal is not None:
        raise Refused(f"visit {text} is withdrawn already; if it was one, add it again")
    if not why.strip():
        raise Refused("the reason is empty; write why, such as --why 'was in hospital'")
    someone = await find(change.connection, PERSON, one.person_id.hex())
    row_id = _row_id(one.number, change.at_ms)
    sealed = seal_facts(key_of(change.vault, someone), WITHDRAWN_SEALED, row_id, {"why": why})
    withdrawal = Withdrawal(sealed, change.who, change.at_ms)
    await change.connection.run_sync(by_hand.withdraw, one, withdrawal)
    await change.note("visit_withdrawn", f"visit:{one.id}", one.organisation_id)


def row_number(text: str) -> int:
    """Of a row as people write it; 0, which no row has, if it cannot be one."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def line(one: ByHand, names: Names) -> dict[str, Any]:
    """As in the list of visits: nothing in it was measured."""
    return {
        "visit": one.id,
        "touches": [],
        "state": STATE,
        "carer": names.carer(one.carer_id),
        "carer_id": one.carer_id.hex(),
        "card": "",
        "person": names.person(one.person_id),
        "person_id": one.person_id.hex(),
        "service": one.service,
        "service_name": names.service(one.organisation_id, one.service, one.from_ms),
        "from_ms": one.from_ms,
        "to_ms": one.to_ms,
        "minutes": one.minutes,
        "where": "" if one.away is None else "away" if one.away else "home",
        "proof": STATE,
        "bands": [],
        "received_ms": one.said_ms,
        "test": "",
        "planned": None,
        "marks": sorted(one.marks),
        "said": _said(one, names),
    }


async def _visit(change: Change, someone: AnyRow, carer: AnyRow, told: Told) -> ByHand:
    zone = await home_zone(change.connection, someone.id, someone.organisation_id)
    from_ms, to_ms = (moment_ms(text, zone) for text in (told.begin, told.end))
    if to_ms <= from_ms:
        raise Refused("it would end before it begins; write a later --to")
    if to_ms > change.at_ms:
        raise Refused("that time is still to come; note a visit when it is over")
    if to_ms - from_ms > LONGEST_MS:
        raise Refused("that is more than a day; note one visit for each day")
    owner = someone.organisation_id
    service = await services.check(change.connection, owner, told.service)
    away = None if told.away is None else int(told.away)
    who = (owner, someone.id, carer.id)
    return ByHand(0, *who, service, from_ms, to_ms, away, None, None, change.who, change.at_ms)


async def _refuse_again(change: Change, one: ByHand) -> None:
    """What is in the list already is corrected, not noted a second time."""
    times = one.from_ms, one.to_ms, change.at_ms
    book = await change.connection.run_sync(visit_book.read, *times)
    for visit in book.visits:
        if one.is_same(visit) and not book.is_withdrawn(visit):
            raise Refused(
                f"visit {visit.id} is this carer's then; say what it was: "
                f"opaska visits correct {visit.id}"
            )
    for other in book.by_hand:
        if one.is_same(other) and other.withdrawal is None:
            raise Refused(f"visit {other.id} is this carer's then; withdraw it first, or leave it")


def _said(one: ByHand, names: Names) -> list[dict[str, Any]]:
    facts = _open(names, one.person_id, SEALED, _row_id(one.from_ms, one.said_ms), one.sealed)
    said = [_by("by_hand", facts.get("asked_by", ""), one.said_by, one.said_ms, facts)]
    gone = one.withdrawal
    if gone is not None:
        row_id = _row_id(one.number, gone.said_ms)
        facts = _open(names, one.person_id, WITHDRAWN_SEALED, row_id, gone.sealed)
        said.append(_by("withdrawn", 1, gone.said_by, gone.said_ms, facts))
    return said


def _by(
    what: str, value: str | int, who: str, at_ms: int, facts: dict[str, str]
) -> dict[str, Any]:
    why = facts.get("why", "")
    return {"what": what, "was": None, "is": value, "by": who, "said_ms": at_ms, "why": why}


def _open(
    names: Names, person_id: bytes, column: str, row_id: bytes, sealed: bytes | None
) -> dict[str, str]:
    """Nothing of an erased wearer."""
    someone = names.people.get(person_id)
    if someone is None or someone.wrapped_key is None:
        return {}
    try:
        return open_facts(key_of(names.vault, someone), column, row_id, sealed)
    except VaultError:
        return {}


def _row_id(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in numbers)
