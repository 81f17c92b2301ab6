# SPDX-License-Identifier: Apache-2.0
"""Opens and ends what visits show to be wrong with a band: of each kind one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql

from opaska_gateway.care.visit_test import CARE
from opaska_gateway.database.tables import event
from opaska_gateway.database.visit_tables import visit_fault

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import MessageId
    from opaska_gateway.care.visit_test import Findings

_NEWER = (
    select(event.c.id)
    .where(
        event.c.device_id == bindparam("device"),
        event.c.generation >= bindparam("generation"),  # for the index
        tuple_(event.c.generation, event.c.boot, event.c.seq)
        > tuple_(bindparam("generation"), bindparam("boot"), bindparam("seq")),
        event.c.report_type == bindparam("type"),
    )
    .limit(1)
)
_OPEN = postgresql.insert(visit_fault).on_conflict_do_nothing().returning(visit_fault.c.id)
_OPEN_ONE = (
    (visit_fault.c.device_id == bindparam("band"))
    & (visit_fault.c.what == bindparam("fault"))
    & visit_fault.c.ended_ms.is_(None)
)
_DETAIL = update(visit_fault).where(_OPEN_ONE).values(detail=bindparam("wrong"))
_END = (
    update(visit_fault).where(_OPEN_ONE).values(ended_ms=bindparam("at"), ended_by=bindparam("by"))
)


def is_newest(connection: Connection, id_: MessageId, report_type: int) -> bool:
    """Whether the band has stored no later report of this type: an older one changes nothing."""
    device, generation, boot, seq = id_
    wanted = {"device": device, "generation": generation, "boot": boot, "seq": seq}
    return connection.execute(_NEWER, wanted | {"type": report_type}).first() is None


def note(
    connection: Connection,
    device_id: bytes,
    organisation_id: bytes,
    event_id: int,
    at_ms: int,
    now_ms: int,
    findings: Findings,
) -> None:
    """Open what is wrong, end what is right."""
    for what, wrong in findings.items():
        which = {"band": device_id, "fault": what}
        if not wrong:
            connection.execute(_END, which | {"at": now_ms, "by": event_id})
            continue
        row = {
            "device_id": device_id,
            "organisation_id": organisation_id,
            "what": what,
            "detail": wrong,
            "in_charge": CARE[what].in_charge,
            "since_ms": at_ms,
            "opened_ms": now_ms,
            "due_ms": now_ms + CARE[what].within_ms,
            "opened_by": event_id,
        }
        if connection.execute(_OPEN, row).first() is None:
            connection.execute(_DETAIL, which | {"wrong": wrong})
