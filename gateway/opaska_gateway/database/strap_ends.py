# SPDX-License-Identifier: Apache-2.0
"""The end of a strap's alarm: a centre that was told of it hears that the band is on again.

It is over when a later report of the band says that it is worn. Whichever comes last, that report
or the centre's yes to the alarm, tells the end, so the end never overtakes its alarm. The case it
leaves alone: a human closes that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, tuple_

from opaska_gateway import clock
from opaska_gateway.database import outbox
from opaska_gateway.database.events import add_duty
from opaska_gateway.database.tables import event, wear_sighting
from opaska_gateway.database.tables import outbox as waiting
from opaska_protocol.reports import ALARM, STRAP, WEAR, WORN

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from opaska_gateway.batch import MessageId

TEXT: Final = "worn again"

_order = tuple_(event.c.boot, event.c.seq)  # of the reports of one key
_IS_STRAP = (event.c.report_type == ALARM) & (event.c.alarm_kind == STRAP)
_ALARMS = (
    select(event, waiting.c.payload, waiting.c.done_ms, waiting.c.attempts)
    .join(waiting, (waiting.c.event_id == event.c.id) & (waiting.c.destination == outbox.CENTRE))
    .where(_IS_STRAP)
)
_WORN = (
    select(event.c.boot, event.c.seq, event.c.occurred_ms)
    .join(wear_sighting, wear_sighting.c.event_id == event.c.id)
    .where(event.c.report_type == WEAR, wear_sighting.c.state == WORN)
    .limit(1)
)
_ENDS = (  # that nobody has begun to hand out
    select(waiting.c.payload)
    .join(event, waiting.c.event_id == event.c.id)
    .where(waiting.c.destination == outbox.TROUBLE, event.c.kind == "duty")
    .where(waiting.c.done_ms.is_(None), waiting.c.lease_owner.is_(None))
)


def worn_again(connection: Connection, report: MessageId, at_ms: int) -> bool:
    """The band says in this stored report that it is worn; whether a row was added."""
    device_id, generation, boot, seq = report
    same_key = (event.c.device_id == device_id) & (event.c.generation == generation)
    before = same_key & (_order < (boot, seq))
    last = connection.execute(
        _WORN.where(before).order_by(event.c.boot.desc(), event.c.seq.desc())
    ).first()
    since = before if last is None else before & (_order > (last.boot, last.seq))
    # locked: an alarm whose delivery is being recorded is over there or here, and not twice
    alarms = connection.execute(_ALARMS.where(since).with_for_update(of=waiting)).all()
    told = [alarm for alarm in alarms if alarm.done_ms is not None and alarm.attempts]
    for alarm in told:
        _tell(connection, alarm, at_ms)
    return bool(told)


def delivered(connection: Connection, event_id: int) -> None:
    """The centre has this alarm: perhaps it is over already."""
    alarm = connection.execute(_ALARMS.where(event.c.id == event_id)).first()
    if alarm is None:
        return
    same_key = (event.c.device_id == alarm.device_id) & (event.c.generation == alarm.generation)
    later = same_key & (_order > (alarm.boot, alarm.seq))
    worn = connection.execute(_WORN.where(later).order_by(event.c.boot, event.c.seq)).first()
    if worn is not None:
        _tell(connection, alarm, worn.occurred_ms)


def _tell(connection: Connection, alarm: Row[Any], at_ms: int) -> None:
    """Under the account that heard the alarm; one end is enough for many alarms."""
    payload = {"kind": alarm.payload["kind"], "restore": True, "text": TEXT}
    same_wrist = event.c.assignment_id.is_not_distinct_from(alarm.assignment_id)
    of_band = (event.c.device_id == alarm.device_id) & same_wrist
    if payload in connection.execute(_ENDS.where(of_band)).scalars():
        return
    whose = {
        "device_id": alarm.device_id,
        "person_id": alarm.person_id,
        "assignment_id": alarm.assignment_id,
    }
    owner = alarm.organisation_id
    duty_id = add_duty(connection, owner, at_ms, **whose)
    row = outbox.new_row(owner, outbox.TROUBLE, duty_id, "", clock.now_ms())
    outbox.add(connection, [row | {"payload": payload}])
