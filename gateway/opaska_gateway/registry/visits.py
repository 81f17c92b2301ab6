# SPDX-License-Identifier: Apache-2.0
"""The list of carers' visits: who, for whom, what service, from, to and where; and what they show.

What bands have measured and what people say stand beside each other; neither replaces the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway.bodies import Bodies
from opaska_gateway.care import visit_test
from opaska_gateway.care.touch import FLOOD, VERDICTS
from opaska_gateway.care.visit import ENDED
from opaska_gateway.database import visit_book
from opaska_gateway.database.tables import person
from opaska_gateway.registry import carers
from opaska_gateway.registry.cases import name_of
from opaska_gateway.registry.find import PERSON, find
from opaska_gateway.registry.sealed import key_of, open_facts
from opaska_gateway.vault import VaultError, personal_context
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.care.visit import Touch, Visit
    from opaska_gateway.database.visit_book import Book
    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

SAID_SEALED = "visit_correction.sealed"
MINUTE_MS = 60_000
NOBODY = "nobody"  # wore the band
STRANGER = "unknown card"


@dataclass(frozen=True)
class Names:
    """Who is who."""

    carers: dict[bytes, str]
    people: dict[bytes, AnyRow]
    vault: Vault

    def person(self, person_id: bytes | None) -> str:
        if person_id is None:
            return NOBODY
        return name_of(self.people[person_id], self.vault) or "erased"


async def list_all(
    connection: AsyncConnection,
    vault: Vault,
    since_ms: int,
    until_ms: int,
    now_ms: int,
    person_text: str | None = None,
    carer_text: str | None = None,
) -> list[dict[str, Any]]:
    """Visits between these times, the latest first; of one wearer or carer only, if named."""
    wearer = (await find(connection, PERSON, person_text)).id if person_text else None
    who = (await find(connection, carers.CARER, carer_text)).id if carer_text else None
    book = await connection.run_sync(visit_book.read, since_ms, until_ms, now_ms)
    chosen = [
        visit
        for visit in reversed(book.visits)
        if wearer in (None, visit.first.person_id) and who in (None, visit.first.carer_id)
    ]
    names = await names_of(connection, vault, (one.first.person_id for one in chosen))
    return await connection.run_sync(_lines, chosen, book, names)


async def refused(
    connection: AsyncConnection, vault: Vault, since_ms: int, now_ms: int
) -> list[dict[str, Any]]:
    """Touches that count not: of each card at each band how often and why, the latest first."""
    book = await connection.run_sync(visit_book.read, since_ms, now_ms, now_ms)
    called = await carers.names(connection, vault)
    lines: dict[tuple[bytes, bytes, str], dict[str, Any]] = {}
    for row, why in book.refused:
        is_one = why != FLOOD  # card, not as many as a stolen band may think of
        line = lines.setdefault(
            (row.device_id, row.card if is_one else b"", why),
            {
                "label": row.label,
                "card": row.card.hex() if is_one else "",
                "carer": called.get(row.carer_id, STRANGER) if is_one else "",
                "why": why,
                "times": 0,
                "first_ms": row.at_ms,
            },
        )
        line["times"] += 1
        line["last_ms"] = row.at_ms
    return sorted(lines.values(), key=lambda line: line["last_ms"], reverse=True)


def said_id(event_id: int, said_ms: int) -> bytes:
    """Names what somebody said of a visit at one time, for its seal."""
    return event_id.to_bytes(8, "big") + said_ms.to_bytes(8, "big")


async def names_of(
    connection: AsyncConnection, vault: Vault, people: Iterable[bytes | None]
) -> Names:
    """Of all carers, and of these wearers."""
    wanted = [one for one in set(people) if one is not None]
    found: dict[bytes, AnyRow] = {}
    query = select(person.c.id, person.c.id.label("person_id"), person.c.wrapped_key)
    for start in range(0, len(wanted), 500):
        some = query.add_columns(person.c.sealed, person.c.organisation_id)
        some = some.where(person.c.id.in_(wanted[start : start + 500]))
        found |= {row.id: row for row in await connection.execute(some)}
    return Names(await carers.names(connection, vault), found, vault)


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
    tests = [test for one in visit.touches if (test := book.tests.get(one.message))]
    return {
        "visit": visit.id,
        "state": visit.state,
        "carer": names.carers.get(first.carer_id or b"", STRANGER),
        "carer_id": first.carer_id and first.carer_id.hex(),
        "card": first.card.hex(),
        "person": names.person(first.person_id),
        "person_id": first.person_id and first.person_id.hex(),
        "service": visit.service,
        "from_ms": visit.begin and visit.begin.at_ms,
        "to_ms": to_ms if visit.begin else visit.to_ms,
        "minutes": round((to_ms - visit.from_ms) / MINUTE_MS) if to_ms is not None else None,
        "where": _where(connection, bodies, rows, tests),
        "proof": max((row.verdict for row in rows), key=VERDICTS.index).replace("_", " "),
        "bands": sorted({row.label for row in rows}),
        "received_ms": max(row.received_ms for row in rows),
        "test": _tested(tests),
        "planned": _planned(rows),
        "marks": sorted(visit.marks),
        "said": _said(visit.touches, book, names),
    }


def _where(connection: Connection, bodies: Bodies, touches: list[Any], tests: list[Any]) -> str:
    """As the first report says that knows; "" when none does, or its wearer was erased."""
    for row in (*touches, *tests):
        id_ = (row.device_id, row.generation, row.boot, row.seq)
        try:
            body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
            away = decode_report(body).fields.get("away") if body else None
        except (VaultError, ProtocolError):
            continue
        if away is not None:
            return "away" if away else "home"
    return ""


def _tested(tests: list[Any]) -> str:
    """What was wrong at any of its touches."""
    results = [
        visit_test.result(visit_test.of_test(row.round_trip_ms, row.battery_percent, row.broken))
        for row in tests
    ]
    wrong = [result for result in results if result != visit_test.PASSED]
    return "; ".join(dict.fromkeys(wrong)) or (visit_test.PASSED if results else "")


def _planned(rows: list[Any]) -> dict[str, Any] | None:
    for row in rows:
        if row.planned_id is not None and row.planned_for == row.person_id:
            return {
                "service": row.planned_service,
                "minutes": row.planned_minutes,
                "at_ms": row.planned_ms,
            }
    return None


def _said(touches: Iterable[Touch], book: Book, names: Names) -> list[dict[str, Any]]:
    """What people say of it, in the order in which they did."""
    rows = [row for one in touches for row in book.said.get(one.event_id, ())]
    return [
        {
            "what": row.what,
            "was": _value(row.what, row.from_value, names),
            "is": _value(row.what, row.to_value, names),
            "by": row.said_by,
            "said_ms": row.said_ms,
            "why": _why(row, names),
        }
        for row in sorted(rows, key=lambda row: int(row.id))
    ]


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
