# SPDX-License-Identifier: Apache-2.0
"""Whose a stored report is, once its corrected time says that somebody else wore the band then.

An alarm rings anew, for whoever wore the band: in her open case, or in one that it opens, where a
dispatcher reads her name and not another's. The case that it rang first stays open until a human
closes it: somebody may be on the way to the wrong home. The centre hears of the alarm again, under
the right account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from opaska_gateway import clock
from opaska_gateway.care.wearing import Whose, worn_at
from opaska_gateway.database.audit import Entry, append_now
from opaska_gateway.database.cases import open_cases
from opaska_gateway.database.outbox import CENTRE
from opaska_gateway.database.tables import event, outbox
from opaska_gateway.logs import get_logger
from opaska_gateway.ringing import ring
from opaska_gateway.vault import VaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from opaska_gateway.bands import Band
    from opaska_gateway.bodies import Bodies
    from opaska_gateway.care.wearing import Assignment

_CORRECTED = select(event).where(event.c.id.in_(bindparam("ids", expanding=True)))
_SEND_AGAIN = (
    update(outbox)
    .where(outbox.c.event_id == bindparam("sent_event"), outbox.c.destination == CENTRE)
    .values(
        case_id=bindparam("in_case"),
        done_ms=None,
        next_attempt_ms=bindparam("now_ms"),
        lease_owner=None,
        lease_until_ms=None,
    )
)

log = get_logger()


def give_back(
    connection: Connection, bodies: Bodies, band: Band, event_ids: Sequence[int]
) -> bool:
    """Let corrected reports of a band belong to its wearer of then; whether an alarm was moved."""
    moved_alarm = False
    for row in connection.execute(_CORRECTED, {"ids": list(event_ids)}).all():
        worn = worn_at(band.assignments, row.occurred_ms)
        if row.assignment_id == (worn.id if worn else None):
            continue
        _give(connection, bodies, band, row, worn)
        if row.rings:
            moved_alarm = True
            is_another = row.person_id != (worn.person_id if worn else None)
            case_id = _ring_anew(connection, band, row, worn) if is_another else row.case_id
            _tell_of_alarm(connection, row, worn, case_id)
    return moved_alarm


def _give(
    connection: Connection, bodies: Bodies, band: Band, row: Row[Any], worn: Assignment | None
) -> None:
    person_id = worn.person_id if worn else None
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    form, kept = "clear", None
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
    except VaultError as error:
        log.error("body_not_opened", report=row.id, problem=str(error))
        body = None
    if body is not None:
        form, kept = bodies.sealed(connection, row.report_type, person_id, id_, body)
    values = {
        "organisation_id": worn.organisation_id if worn else band.organisation_id,
        "person_id": person_id,
        "assignment_id": worn.id if worn else None,
        "body_form": form,
        "body": kept,
    }
    connection.execute(update(event).where(event.c.id == row.id).values(values))


def _ring_anew(
    connection: Connection, band: Band, row: Row[Any], worn: Assignment | None
) -> bytes:
    """Put an alarm into the case of whoever wore the band; the case's id."""
    people, devices = ([worn.person_id], []) if worn else ([], [row.device_id])
    case = open_cases(connection, people, devices).get((people + devices)[0])
    whose = Whose(row.device_id, (worn or band).organisation_id, worn)
    case_id = ring(connection, whose, case, (row.report_type, row.alarm_kind)).case.id
    connection.execute(update(event).where(event.c.id == row.id).values(case_id=case_id))
    return case_id


def _tell_of_alarm(
    connection: Connection, row: Row[Any], worn: Assignment | None, case_id: bytes | None
) -> None:
    """Everybody who was told of the wrong wearer: the centre, and who reads log or audit."""
    again = {"sent_event": row.id, "now_ms": clock.now_ms(), "in_case": case_id}
    connection.execute(_SEND_AGAIN, again)
    subject, was, now = (
        f"event:{row.id}",
        _name(row.assignment_id),
        _name(worn.id if worn else None),
    )
    log.warning("alarm_of_another_wearer", report=row.id, was=was, now=now)
    organisation_id = worn.organisation_id if worn else row.organisation_id
    append_now(
        connection, [Entry(organisation_id, "gateway", "alarm_given_back", subject, was, now)]
    )


def _name(assignment_id: bytes | None) -> str:
    return f"assignment:{assignment_id.hex()}" if assignment_id else "nobody"
