# SPDX-License-Identifier: Apache-2.0
"""Reads and writes announced falls; `care/fall.py` says what may become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql

from opaska_gateway.care.fall import (
    ANNOUNCED,
    BY_GATEWAY,
    DEADLINE,
    UNHEARD,
    ahead_ms,
    step,
)
from opaska_gateway.care.wearing import Assignment, Whose
from opaska_gateway.database.events import add_duty
from opaska_gateway.database.tables import agreement, announced_fall, assignment, device, event
from opaska_protocol.reports import FALL

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from opaska_gateway.batch import MessageId

_ID = ("device_id", "generation", "boot", "seq")
# Two cells may hear of one fall at once: the loser of the insert sees the winner's row.
_INSERT = postgresql.insert(announced_fall).on_conflict_do_nothing().returning(announced_fall.c.id)
_STATE = (
    select(announced_fall.c.id, announced_fall.c.state)
    .where(*(announced_fall.c[name] == bindparam(name) for name in _ID))
    .with_for_update()  # SQLite has one writer and drops this clause
)
_IS_ANNOUNCED = announced_fall.c.state == literal_column(f"'{ANNOUNCED}'")  # as in the index
_turn = func.row_number().over(
    partition_by=announced_fall.c.device_id, order_by=announced_fall.c.id
)
_due = (
    select(announced_fall.c.id, _turn.label("turn"))
    .where(
        _IS_ANNOUNCED,
        or_(
            announced_fall.c.due_ms <= bindparam("now_ms"),
            announced_fall.c.announced_ms > bindparam("ahead_ms"),
        ),
        announced_fall.c.id.not_in(bindparam("but", expanding=True)),
    )
    .subquery()
)
_DUE = select(_due.c.id).where(_due.c.turn == 1).order_by(_due.c.id)
_NEXT = select(func.min(announced_fall.c.due_ms)).where(
    _IS_ANNOUNCED, announced_fall.c.due_ms > bindparam("now_ms")
)
_ANNOUNCED = (
    select(
        announced_fall.c.id,
        announced_fall.c.state,
        event.c.id.label("event_id"),
        event.c.organisation_id,
        event.c.device_id,
        device.c.kid,
        event.c.boot,
        event.c.seq,
        event.c.person_id,
        event.c.assignment_id,
        agreement.c.handling,
        assignment.c.from_ms,
        assignment.c.to_ms,
    )
    .join(event, announced_fall.c.event_id == event.c.id)
    .join(device, event.c.device_id == device.c.id)
    .outerjoin(assignment, event.c.assignment_id == assignment.c.id)
    .outerjoin(agreement, assignment.c.agreement_id == agreement.c.id)
    .where(announced_fall.c.id == bindparam("fall"), _IS_ANNOUNCED)
    .with_for_update(of=announced_fall)
)


class Overdue(NamedTuple):
    """An announced fall that nobody has settled, and whose it is."""

    id: int
    event_id: int  # of the announcement
    kid: bytes
    boot: int
    seq: int
    whose: Whose


def hear(
    connection: Connection,
    id_: MessageId,
    heard: str,
    organisation_id: bytes,
    known: dict[str, Any],
    end: dict[str, Any],
) -> tuple[str, ...]:
    """Let one report count for the fall of this announcement; the effects.

    `known` is what it says in any case, `end` what it says if it is the one that settles the fall.
    """
    fall: dict[str, Any] = dict(zip(_ID, id_, strict=True))
    state, effects = step(UNHEARD, heard)
    new = fall | known | {"state": state, "organisation_id": organisation_id}
    if state != ANNOUNCED:
        new |= end
    if connection.execute(_INSERT.values(new)).first() is not None:
        return effects
    row = connection.execute(_STATE, fall).one()
    state, effects = step(row.state, heard)
    changed = known if state == row.state else {**known, **end, "state": state}
    if changed:
        this = announced_fall.c.id == row.id
        connection.execute(update(announced_fall).where(this).values(changed))
    return effects


def due(connection: Connection, now_ms: int, but: Collection[int]) -> list[int]:
    """Of each band the fall that has been due for longest, but none of those."""
    wanted = {"now_ms": now_ms, "ahead_ms": ahead_ms(now_ms), "but": list(but)}
    return list(connection.execute(_DUE, wanted).scalars())


def next_due_ms(connection: Connection, now_ms: int) -> int | None:
    """When the next deadline ends; None = none runs."""
    next_ms: int | None = connection.execute(_NEXT, {"now_ms": now_ms}).scalar()
    return next_ms


def overdue(connection: Connection, fall_id: int) -> Overdue | None:
    """This fall, locked; None if it was settled meanwhile."""
    row = connection.execute(_ANNOUNCED, {"fall": fall_id}).first()
    if row is None:
        return None
    worn = None
    if row.assignment_id is not None:
        times = (row.from_ms, row.to_ms)
        worn = Assignment(
            row.assignment_id, row.organisation_id, row.person_id, row.handling, *times
        )
    whose = Whose(row.device_id, row.organisation_id, worn)
    return Overdue(row.id, row.event_id, row.kid, row.boot, row.seq, whose)


def raise_fall(connection: Connection, fall: Overdue, case_id: bytes, at_ms: int) -> None:
    """Its announcement is an alarm from now on; a duty of the case says who has raised it."""
    connection.execute(
        update(event)
        .where(event.c.id == fall.event_id)
        .values(rings=1, alarm_kind=FALL, case_id=case_id)
    )
    duty_id = _add_duty(connection, fall, case_id, at_ms)
    state, _ = step(ANNOUNCED, DEADLINE)
    connection.execute(
        update(announced_fall)
        .where(announced_fall.c.id == fall.id)
        .values(state=state, settled_ms=at_ms, settled_by=BY_GATEWAY, settled_by_event_id=duty_id)
    )


def _add_duty(connection: Connection, fall: Overdue, case_id: bytes, at_ms: int) -> int:
    whose = fall.whose
    return add_duty(
        connection,
        whose.organisation_id,
        at_ms,
        device_id=whose.device_id,
        person_id=whose.person_id,
        assignment_id=whose.assignment_id,
        case_id=case_id,
    )
