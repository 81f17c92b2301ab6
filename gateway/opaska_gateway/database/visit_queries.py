# SPDX-License-Identifier: Apache-2.0
"""What is asked of the database about visits in a stretch of time, `from_ms` to `until_ms`.

Of a band that says more of cards than can be, only what cards have proved is read; the rest is
counted by the database, however much it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from opaska_gateway.care.touch import DAY_MS, MOST_UNPROVED, REPLAYED, VERIFIED
from opaska_gateway.database.tables import device, event
from opaska_gateway.database.visit_tables import (
    card,
    planned_visit,
    visit_correction,
    visit_test,
    visit_touch,
)
from opaska_gateway.database.visits import first_test

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
_AROUND = visit_touch.c.at_ms.between(bindparam("from_ms"), bindparam("until_ms"))
_DAY = visit_touch.c.at_ms // literal_column(str(DAY_MS), BigInteger)
_UNPROVED = visit_touch.c.verdict != VERIFIED
_FLOOD = (  # days on which a band said too much
    select(event.c.device_id, _DAY.label("day"))
    .join_from(visit_touch, event, visit_touch.c.event_id == event.c.id)
    .where(_AROUND, _UNPROVED)
    .group_by(event.c.device_id, _DAY)
    .having(func.count() > MOST_UNPROVED)
    .cte("flood")
)
_IN_FLOOD = and_(_FLOOD.c.device_id == event.c.device_id, _FLOOD.c.day == _DAY)
_ALL_TOUCHES = (
    select(
        visit_touch,
        *_EVENT,
        first_test(event.c.device_id, event.c.generation, event.c.boot, event.c.seq).label(
            "test_id"
        ),
        device.c.label,
        card.c.carer_id,
        card.c.organisation_id.label("card_owner"),
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
)
TOUCHES = (
    _ALL_TOUCHES.outerjoin(_FLOOD, _IN_FLOOD)
    .where(_AROUND, or_(_FLOOD.c.device_id.is_(None), visit_touch.c.verdict == VERIFIED))
    .order_by(visit_touch.c.at_ms, visit_touch.c.event_id)
)
NAMED = _ALL_TOUCHES.where(  # the beginning of a visit that ended much later
    event.c.device_id == bindparam("device"),
    event.c.generation == bindparam("generation"),
    event.c.boot == bindparam("of_boot"),
    event.c.seq == bindparam("of_seq"),
    visit_touch.c.begins == 1,
    visit_touch.c.at_ms < bindparam("from_ms"),
)
FLOODS = (
    select(
        event.c.device_id,
        device.c.label,
        visit_touch.c.verdict,
        func.count().label("times"),
        func.min(visit_touch.c.at_ms).label("first_ms"),
        func.max(visit_touch.c.at_ms).label("last_ms"),
    )
    .join_from(visit_touch, event, visit_touch.c.event_id == event.c.id)
    .join(device, event.c.device_id == device.c.id)
    .join(_FLOOD, _IN_FLOOD)
    .where(_AROUND, _UNPROVED)
    .group_by(event.c.device_id, device.c.label, visit_touch.c.verdict)
)
REPLAYED_READINGS = (
    select(visit_touch.c.card, visit_touch.c.counter)
    .where(_AROUND, visit_touch.c.verdict == REPLAYED, visit_touch.c.counter.is_not(None))
    .distinct()
)
_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
TESTS = (
    select(visit_test, *_EVENT, event.c.person_id)
    .join(event, visit_test.c.event_id == event.c.id)
    .where(visit_test.c.event_id.in_(_NUMBERS))
)
SAID = (
    select(visit_correction)
    .where(visit_correction.c.event_id.in_(_NUMBERS))
    .order_by(visit_correction.c.id)
)
