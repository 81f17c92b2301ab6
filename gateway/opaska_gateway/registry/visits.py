# SPDX-License-Identifier: Apache-2.0
"""The list of carers' visits: who, for whom, what service, from, to and where; and what they show.

What bands have measured and what people say stand beside each other; neither replaces the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway.bodies import Bodies
from opaska_gateway.care import visit_test
from opaska_gateway.care.services import POLISH
from opaska_gateway.care.touch import VERDICTS
from opaska_gateway.care.visit import ENDED
from opaska_gateway.database import visit_book
from opaska_gateway.registry import carers
from opaska_gateway.registry.by_hand import line as by_hand_line
from opaska_gateway.registry.find import PERSON, find
from opaska_gateway.registry.names import Names, names_of
from opaska_gateway.registry.sealed import key_of, open_facts
from opaska_gateway.registry.visit_places import place_of
from opaska_gateway.vault import VaultError, personal_context
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.care.visit import Visit
    from opaska_gateway.database.visit_book import Book
    from opaska_gateway.vault import Vault

SAID_SEALED = "visit_correction.sealed"
HOME, AWAY = "home", "away"


async def list_all(
    connection: AsyncConnection,
    vault: Vault,
    since_ms: int,
    until_ms: int,
    now_ms: int,
    person_text: str | None = None,
    carer_text: str | None = None,
    language: str = POLISH,
) -> list[dict[str, Any]]:
    """Visits between these times, the latest first; of one wearer or carer only, if named."""
    wearer = (await find(connection, PERSON, person_text)).id if person_text else None
    who = (await find(connection, carers.CARER, carer_text)).id if carer_text else None
    book = await connection.run_sync(visit_book.read, since_ms, until_ms, now_ms)
    chosen = [
        visit
        for visit in reversed(book.visits)
        if wearer in (None, visit.first.person_id) and who in (None, *_carers(visit, book))
    ]
    by_hand = [
        one
        for one in book.by_hand
        if wearer in (None, one.person_id) and who in (None, one.carer_id)
    ]
    people = {one.first.person_id for one in chosen} | {one.person_id for one in by_hand}
    people |= {row.person_id for one in chosen for row in book.said_of(one)}  # for the reasons
    names = await names_of(connection, vault, people, language)
    lines = await connection.run_sync(_lines, chosen, book, names)
    lines += [by_hand_line(one, names) for one in by_hand]
    return sorted(lines, key=lambda line: line["from_ms"] or line["to_ms"], reverse=True)


def _carers(visit: Visit, book: Book) -> tuple[bytes | None, ...]:
    """Whose it is: by the card, and as somebody says."""
    said = book.last_said(visit).get("carer")
    return visit.first.carer_id, bytes.fromhex(said) if said else None


def said_id(event_id: int, said_ms: int) -> bytes:
    """Names what somebody said of a visit at one time, for its seal."""
    return event_id.to_bytes(8, "big") + said_ms.to_bytes(8, "big")


def _lines(
    connection: Connection, visits: Iterable[Visit], book: Book, names: Names
) -> list[dict[str, Any]]:
    bodies = Bodies(names.vault)
    return [_line(connection, bodies, one, book, names) for one in visits]


def _line(
    connection: Connection, bodies: Bodies, visit: Visit, book: Book, names: Names
) -> dict[str, Any]:
    first = visit.first
    to_ms = visit.to_ms if visit.state == ENDED else None
    rows = [book.rows[one.event_id] for one in visit.touches]
    tests = [test for row in rows if (test := book.tests.get(row.test_id))]
    return {
        "visit": visit.id,
        "touches": [row.event_id for row in rows],
        "state": visit.state,
        "carer": names.carer(first.carer_id),
        "carer_id": first.carer_id and first.carer_id.hex(),
        "card": first.card.hex(),
        "person": names.person(first.person_id),
        "person_id": first.person_id and first.person_id.hex(),
        "service": visit.service,
        "service_name": names.service(rows[0].organisation_id, visit.service, visit.from_ms),
        "from_ms": visit.begin and visit.begin.at_ms,
        "to_ms": to_ms if visit.begin else visit.to_ms,
        "minutes": visit.minutes,
        "where": _where(connection, bodies, rows, tests),
        "proof": max((row.verdict for row in rows), key=VERDICTS.index).replace("_", " "),
        "bands": sorted({row.label for row in rows}),
        "received_ms": max(row.received_ms for row in rows),
        "test": visit_test.result(_found(row, book, visit.now_ms) for row in rows),
        "planned": _planned(rows),
        "marks": sorted(visit.marks),
        "said": [_said(row, names) for row in book.said_of(visit)],
    }


def _where(connection: Connection, bodies: Bodies, touches: list[Any], tests: list[Any]) -> str:
    """As the first report says that knows; a position, which may come much later, is sent of
    visits away only. "" when none does, or its wearer was erased."""
    for row in (*touches, *tests):
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        try:
            body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
            away = decode_report(body).fields.get("away") if body else None
        except (VaultError, ProtocolError):
            continue
        if away is not None:
            return AWAY if away else HOME
    return AWAY if any(place_of(connection, bodies, row) for row in touches) else ""


def _found(row: Any, book: Book, now_ms: int) -> visit_test.Findings:
    """What one touch has shown of its band."""
    found = visit_test.of_touch(row.at_ms, row.occurred_error_ms, row.received_ms)
    test = book.tests.get(row.test_id)
    if test is None:
        return found | visit_test.of_silence(row.received_ms, now_ms)
    trip_ms, restarted = test.round_trip_ms, test.of_boot != test.boot
    if visit_test.is_cut_short(trip_ms, restarted=restarted):
        found |= visit_test.CUT_SHORT
    shown = visit_test.of_test(trip_ms, test.battery_percent, test.broken, restarted=restarted)
    return found | shown


def _planned(rows: list[Any]) -> dict[str, Any] | None:
    for row in rows:
        if row.planned_id is not None and row.planned_for == row.person_id:
            return {
                "service": row.planned_service,
                "minutes": row.planned_minutes,
                "at_ms": row.planned_ms,
            }
    return None


def _said(row: Any, names: Names) -> dict[str, Any]:
    """What somebody said of it, beside what held until then."""
    return {
        "what": row.what,
        "was": _value(row.what, row.from_value, names),
        "is": _value(row.what, row.to_value, names),
        "by": row.said_by,
        "said_ms": row.said_ms,
        "why": _why(row, names),
    }


def _value(what: str, text: str | None, names: Names) -> str | int | None:
    if text is None:
        return None
    if what == "carer":
        return names.carers.get(bytes.fromhex(text), "erased")
    return int(text)


def _why(row: Any, names: Names) -> str:
    if row.sealed is None:
        return ""
    row_id = said_id(row.event_id, row.said_ms)
    try:
        if row.person_id is None:
            context = personal_context(SAID_SEALED, row_id)
            return names.vault.unwrap(context, row.sealed).decode()
        someone = names.people.get(row.person_id)
        if someone is None or someone.wrapped_key is None:
            return ""
        key = key_of(names.vault, someone)
        return open_facts(key, SAID_SEALED, row_id, row.sealed)["why"]
    except VaultError:
        return ""
