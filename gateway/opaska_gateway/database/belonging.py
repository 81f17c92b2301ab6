# SPDX-License-Identifier: Apache-2.0
"""Whose a stored report is, once its corrected time says that somebody else wore the band then.

An alarm stays in the case that it rang: nobody may lose sight of it. The centre hears of it again,
under the account of whoever wore the band.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from opaska_gateway import clock
from opaska_gateway.care.wearing import worn_at
from opaska_gateway.database.audit import Entry, append_now
from opaska_gateway.database.outbox import CENTRE
from opaska_gateway.database.tables import event, outbox
from opaska_gateway.logs import get_logger
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
        done_ms=None, next_attempt_ms=bindparam("now_ms"), lease_owner=None, lease_until_ms=None
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
            _tell_of_alarm(connection, row, worn)
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


def _tell_of_alarm(connection: Connection, row: Row[Any], worn: Assignment | None) -> None:
    """Everybody who was told of the wrong wearer: the centre, and who reads log or audit."""
    connection.execute(_SEND_AGAIN, {"sent_event": row.id, "now_ms": clock.now_ms()})
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
