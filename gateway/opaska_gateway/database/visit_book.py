# SPDX-License-Identifier: Apache-2.0
"""Reads what is kept of carers' visits in a stretch of time: touches, tests, what people said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway.care.touch import COUNTING, REPLAYED, Floods, standing
from opaska_gateway.care.visit import LIMIT_MS, Touch, pair
from opaska_gateway.care.visit_marks import mark
from opaska_gateway.database.tables import device, event
from opaska_gateway.database.visit_tables import (
    card,
    planned_visit,
    visit_correction,
    visit_test,
    visit_touch,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.care.visit import Message, Visit

_EVENT = (
    event.c.device_id,
    event.c.generation,
    event.c.boot,
    event.c.seq,
    event.c.occurred_error_ms,
    event.c.received_ms,
    event.c.body_form,
    event.c.body,
)
_TOUCHES = (
    select(
        visit_touch,
        *_EVENT,
        device.c.label,
        card.c.carer_id,
        card.c.service,
        card.c.revoked_ms,
        planned_visit.c.person_id.label("planned_for"),
        planned_visit.c.service.label("planned_service"),
        planned_visit.c.minutes.label("planned_minutes"),
        planned_visit.c.at_ms.label("planned_ms"),
    )
    .join(event, visit_touch.c.event_id == event.c.id)
    .join(device, event.c.device_id == device.c.id)
    .outerjoin(card, visit_touch.c.card_id == card.c.id)
    .outerjoin(planned_visit, visit_touch.c.planned_id == planned_visit.c.id)
    .order_by(visit_touch.c.at_ms, visit_touch.c.event_id)
)
_TESTS = (
    select(visit_test, *_EVENT, event.c.person_id)
    .join(event, visit_test.c.event_id == event.c.id)
    .order_by(visit_test.c.event_id)
)
_SAID = (
    select(visit_correction)
    .join(visit_touch, visit_correction.c.event_id == visit_touch.c.event_id)
    .order_by(visit_correction.c.id)
)


@dataclass
class Book:
    """Visits, and the rows they come from."""

    visits: list[Visit] = field(default_factory=list)  # the earliest first
    rows: dict[int, Any] = field(default_factory=dict)  # touches, by the number of their event
    refused: list[tuple[Any, str]] = field(default_factory=list)  # touches that count not, and why
    tests: dict[Message, Any] = field(default_factory=dict)  # by the touch
    said: dict[int, list[Any]] = field(default_factory=dict)  # corrections, by the touch


def read(connection: Connection, since_ms: int, until_ms: int, now_ms: int) -> Book:
    """The visits that began or ended between these times."""
    from_ms = since_ms - LIMIT_MS  # of what ended since then
    book = Book()
    touches: list[Touch] = []
    replayed: set[tuple[bytes, int]] = set()
    around = visit_touch.c.at_ms.between(from_ms, until_ms + LIMIT_MS)
    book.rows = {row.event_id: row for row in connection.execute(_TOUCHES.where(around))}
    floods = Floods()
    for row in book.rows.values():
        floods.count(row.device_id, row.verdict, row.at_ms)
    for row in book.rows.values():
        stands = floods.standing(row.device_id, row.verdict, row.at_ms)
        stands = standing(stands, row.at_ms, row.revoked_ms)
        if stands in COUNTING:
            touches.append(_touch(row))
            continue
        if since_ms <= row.at_ms <= until_ms:
            book.refused.append((row, stands))
        if stands == REPLAYED and row.counter is not None:
            replayed.add((row.card, row.counter))
    visits = pair(touches, now_ms)
    mark(visits, replayed)
    book.visits = [one for one in visits if one.from_ms <= until_ms and one.to_ms >= since_ms]
    tested = event.c.occurred_ms.between(from_ms, until_ms + 2 * LIMIT_MS)
    for row in connection.execute(_TESTS.where(tested)):
        book.tests[row.device_id, row.generation, row.of_boot, row.of_seq] = row
    for row in connection.execute(_SAID.where(around)):
        book.said.setdefault(row.event_id, []).append(row)
    return book


def _touch(row: Any) -> Touch:
    named = row.of_seq is not None
    return Touch(
        event_id=row.event_id,
        message=(row.device_id, row.generation, row.boot, row.seq),
        person_id=row.person_id,
        card=row.card,
        carer_id=row.carer_id,
        begins=bool(row.begins),
        of=(row.device_id, row.generation, row.of_boot, row.of_seq) if named else None,
        taps=row.taps,
        service=row.service,
        counter=row.counter,
        at_ms=row.at_ms,
        error_ms=row.occurred_error_ms,
    )
