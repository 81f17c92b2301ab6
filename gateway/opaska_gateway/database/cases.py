# SPDX-License-Identifier: Apache-2.0
"""Reads and writes cases; `care/case.py` says what may become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from sqlalchemy import bindparam, func, insert, select, update

from opaska_gateway.care.alarm_kinds import rung_by
from opaska_gateway.care.case import CLOSED, RINGING
from opaska_gateway.database.tables import care_case, device, event, fall_label, outbox
from opaska_protocol.answers import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from opaska_gateway.care.wearing import Whose

_COLUMNS = (care_case.c.id, care_case.c.state, care_case.c.handling, care_case.c.organisation_id)
_OPEN_OF_PEOPLE = select(care_case.c.person_id, *_COLUMNS).where(
    care_case.c.person_id.in_(bindparam("people", expanding=True)), care_case.c.closed_ms.is_(None)
)
_OPEN_OF_DEVICES = select(care_case.c.device_id, *_COLUMNS).where(
    care_case.c.device_id.in_(bindparam("devices", expanding=True)),
    care_case.c.person_id.is_(None),
    care_case.c.closed_ms.is_(None),
)
_HELD = (
    select(event.c.id)
    .where(
        event.c.case_id == bindparam("case"),
        event.c.rings == 1,
        event.c.report_type.in_(bindparam("types", expanding=True)),
        event.c.alarm_kind.is_not_distinct_from(bindparam("kind")),
    )
    .limit(1)
)
_WAITING = (
    select(func.count())
    .select_from(outbox)
    .where(outbox.c.case_id == bindparam("case"), outbox.c.done_ms.is_(None))
)


class Case(NamedTuple):
    """What the rules need to know of a case."""

    id: bytes
    state: str
    handling: str
    organisation_id: bytes


class Told(NamedTuple):
    """An answer that a band should hear: its report's identity, and how far it is."""

    event_id: int
    kid: bytes
    generation: int
    boot: int
    seq: int
    state: int


def open_cases(
    connection: Connection, people: Collection[bytes], devices: Collection[bytes]
) -> dict[bytes, Case]:
    """Open cases by person, and by device where nobody wore it."""
    found: dict[bytes, Case] = {}
    if people:
        rows = connection.execute(_OPEN_OF_PEOPLE, {"people": list(people)})
        found.update((row[0], Case(*row[1:])) for row in rows)
    if devices:
        rows = connection.execute(_OPEN_OF_DEVICES, {"devices": list(devices)})
        found.update((row[0], Case(*row[1:])) for row in rows)
    return found


def find_case(connection: Connection, case_id: bytes) -> Case | None:
    """The case with this id."""
    row = connection.execute(select(*_COLUMNS).where(care_case.c.id == case_id)).first()
    return None if row is None else Case(*row)


def open_case(connection: Connection, whose: Whose, at_ms: int) -> Case:
    """A new case, ringing, linked to the one before it."""
    case = Case(uuid4().bytes, RINGING, whose.handling, whose.organisation_id)
    connection.execute(
        insert(care_case).values(
            id=case.id,
            organisation_id=case.organisation_id,
            device_id=whose.device_id,
            person_id=whose.person_id,
            assignment_id=whose.assignment_id,
            handling=case.handling,
            state=case.state,
            opened_ms=at_ms,
            rang_ms=at_ms,
            previous_id=_newest_closed(connection, whose.device_id, whose.person_id),
        )
    )
    return case


def holds(connection: Connection, case_id: bytes, kind: tuple[int, int | None]) -> bool:
    """Whether an alarm of this (type, kind) is in a case."""
    wanted = {"case": case_id, "types": rung_by(*kind), "kind": kind[1]}
    return connection.execute(_HELD, wanted).first() is not None


def update_case(connection: Connection, case_id: bytes, **values: Any) -> None:
    """Write what changed."""
    connection.execute(update(care_case).where(care_case.c.id == case_id).values(values))


def label(connection: Connection, case: Case, fell: str, who: str, at_ms: int) -> None:
    """Keep what a human says: whether somebody fell."""
    connection.execute(
        insert(fall_label).values(
            case_id=case.id,
            organisation_id=case.organisation_id,
            fell=fell,
            said_ms=at_ms,
            said_by=who,
        )
    )


def is_all_forwarded(connection: Connection, case_id: bytes) -> bool:
    """Whether no alarm of the case waits for the centre any more."""
    return connection.execute(_WAITING, {"case": case_id}).scalar() == 0


def advance_answers(
    connection: Connection, state: int, *, case_id: bytes | None = None, event_id: int = 0
) -> list[Told]:
    """Let the alarms of a case (or one report) reach an answer state; those that moved."""
    chosen = event.c.case_id == case_id if case_id is not None else event.c.id == event_id
    rows = connection.execute(
        update(event)
        .where(chosen, event.c.kind == "report", event.c.rings == 1, event.c.answer_state < state)
        .values(answer_state=state)
        .returning(event.c.id)
    )
    return told(connection, [row.id for row in rows])


def told(connection: Connection, event_ids: Sequence[int]) -> list[Told]:
    """What to tell about these reports, newest first."""
    if not event_ids:
        return []
    rows = connection.execute(_TOLD.where(event.c.id.in_(event_ids)).order_by(event.c.id.desc()))
    return [Told(*row) for row in rows]


def not_echoed(connection: Connection) -> list[Told]:
    """Every answer beyond STORED that its band has not echoed."""
    waits = event.c.answer_state > event.c.echoed_state
    rows = connection.execute(_TOLD.where(event.c.answer_state >= ACCEPTED, waits))
    return [Told(*row) for row in rows]


_TOLD = select(
    event.c.id,
    device.c.kid,
    event.c.generation,
    event.c.boot,
    event.c.seq,
    event.c.answer_state,
).join(device, event.c.device_id == device.c.id)


def _newest_closed(
    connection: Connection, device_id: bytes, person_id: bytes | None
) -> bytes | None:
    whose = (
        care_case.c.person_id == person_id
        if person_id is not None
        else (care_case.c.device_id == device_id) & care_case.c.person_id.is_(None)
    )
    query = (
        select(care_case.c.id)
        .where(whose, care_case.c.state == CLOSED)
        .order_by(care_case.c.closed_ms.desc())
        .limit(1)
    )
    newest: bytes | None = connection.execute(query).scalar()
    return newest
