# SPDX-License-Identifier: Apache-2.0
"""Announce: an announced fall waits for its end; a cancel or an alarm that names it is its end.

Nothing rings here. `watch/raise_falls.py` raises what nobody has settled by its deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opaska_gateway.care import fall
from opaska_gateway.database.dates import happened_at_latest_ms
from opaska_gateway.database.falls import hear
from opaska_protocol.reports import ALARM, ANNOUNCED_FALL, COUNTDOWN_S, FALL_CANCELLED

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, MessageId, Report
    from opaska_gateway.context import Context

EVENTS: Final = {
    ANNOUNCED_FALL: fall.ANNOUNCE,
    FALL_CANCELLED: fall.CANCEL,
    ALARM: fall.ALARM,
}  # by report type


def announce(batch: Batch, context: Context, connection: Connection) -> None:
    """Let the fresh reports of this batch count for the falls that they name."""
    for report in batch.fresh:
        heard = EVENTS.get(report.content.type)
        announcement = heard and _announcement(report)
        if not heard or not announcement:
            continue
        known = _known(report, heard, context, connection)
        end = {
            "settled_ms": report.arrival.received_ms,
            "settled_by": _word(report, heard),
            "settled_by_event_id": report.event_id,
        }
        owner = report.whose.organisation_id
        effects = hear(connection, announcement, heard, owner, known, end)
        batch.new_falls |= fall.WAIT in effects


def _announcement(report: Report) -> MessageId | None:
    """The message id of the announcement that a report is, or names."""
    if report.content.type == ANNOUNCED_FALL:
        return report.id
    device_id, generation, boot, _ = report.id
    fields = report.content.fields
    if "of_seq" not in fields:
        return None
    return device_id, generation, fields.get("of_boot", boot), fields["of_seq"]


def _known(report: Report, heard: str, context: Context, connection: Connection) -> dict[str, Any]:
    """What a report tells of a fall, whether or not it settles it."""
    fields, received_ms = report.content.fields, report.arrival.received_ms
    if heard == fall.CANCEL:
        return {"cancelled_ms": received_ms}
    if heard == fall.ALARM:
        return {"still": int(fields["still"])} if "still" in fields else {}
    since_ms = context.steady_clock.since_ms()
    uptime_ms, deadline_s = fields.get("uptime_ms"), fields.get("deadline_s", COUNTDOWN_S)
    happened_ms = happened_at_latest_ms(connection, report.id[:3], uptime_ms, since_ms)
    due_ms = fall.due_ms(received_ms, happened_ms, deadline_s)
    return {"event_id": report.event_id, "announced_ms": received_ms, "due_ms": due_ms}


def _word(report: Report, heard: str) -> str:
    fields = report.content.fields
    if heard == fall.CANCEL:
        return fall.cancel_word(fields.get("reason"))
    return fall.alarm_word(report.alarm_kind, fields.get("why"))
