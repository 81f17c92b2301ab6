# SPDX-License-Identifier: Apache-2.0
"""What a heartbeat echoes is kept; what it does not is told again.

A band forgets its open reports at a restart: a heartbeat of a later boot, or under a later key,
ends the waiting for answers of an earlier one (if the band still has the report it sends it
again, and is answered).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from opaska_gateway.database import orders
from opaska_gateway.database.tables import event
from opaska_protocol.answers import STORED
from opaska_protocol.reports import MAX_ECHOES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Report

MOST = 64  # alarms that one heartbeat looks at; a band keeps eight in mind, others have their turn

_WAITING = (
    select(event.c.id, event.c.generation, event.c.boot, event.c.seq, event.c.answer_state)
    .where(
        event.c.device_id == bindparam("device"),
        event.c.answer_state > 1,  # as in the index; STORED needs no echo, a band repeats until it
        event.c.answer_state > event.c.echoed_state,
    )
    .order_by(event.c.id.desc())
    .limit(MOST)
)
_ECHOED = (
    update(event)
    .where(event.c.id == bindparam("event_id"))
    .values(echoed_state=bindparam("state"))
)

_HAS = select(event.c.id).where(  # of any key: an alarm of an earlier one may still be open
    event.c.device_id == bindparam("device"),
    event.c.boot == bindparam("boot"),
    event.c.seq == bindparam("seq"),
)


def take_echoes(connection: Connection, heartbeat: Report) -> list[tuple[int, int, int, int]]:
    """Keep what it echoes; (generation, boot, seq, state) of what to tell again, newest first."""
    device_id, *beating, _ = heartbeat.id
    fields = heartbeat.content.fields
    orders.echo(connection, device_id, fields.get("last_dseq", 0))
    echoes = {(boot, seq): state for boot, seq, state in fields.get("answers", ())}
    echoed: list[dict[str, int]] = []
    again: list[tuple[int, int, int, int]] = []
    for event_id, generation, boot, seq, state in connection.execute(
        _WAITING, {"device": device_id}
    ):
        is_over = [generation, boot] < beating
        heard = state if is_over else echoes.get((boot, seq), 0)
        if heard:
            echoed.append({"event_id": event_id, "state": min(heard, state)})
        if heard < state:
            again.append((generation, boot, seq, state))
    if echoed:
        connection.execute(_ECHOED, echoed)
    return again[:MAX_ECHOES]


def never_stored(connection: Connection, heartbeat: Report) -> list[tuple[int, int]]:
    """(boot, seq) of open reports that were answered to the band, and that this database lacks."""
    device_id = heartbeat.id[0]
    echoes = heartbeat.content.fields.get("answers", ())
    answered = [(boot, seq) for boot, seq, state in echoes if state >= STORED]
    return [
        one
        for one in answered
        if connection.execute(_HAS, {"device": device_id, "boot": one[0], "seq": one[1]}).first()
        is None
    ]
