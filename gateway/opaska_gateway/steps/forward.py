# SPDX-License-Identifier: Apache-2.0
"""Forward: alarms, faults and the end of a strap's alarm get a row in the outbox to the centre;
nothing is sent here.

Rows are pseudonymous: they say what happened, never to whom. A fault stands in no case's way: its
row names none, and one that the centre was told within the hour is only counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.care.alarm_kinds import fault_kind, signal_kind
from opaska_gateway.database import outbox, strap_ends
from opaska_protocol.reports import FAULT, WEAR, WORN

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context


def forward(batch: Batch, context: Context, connection: Connection) -> None:
    """Add the rows; `watch/forward_outbox.py` is woken after the commit."""
    now_ms = clock.now_ms()
    rows = [_alarm(report, now_ms) for report in batch.fresh if report.rings]
    rows += _troubles(batch, context, now_ms)
    if rows:
        outbox.add(connection, rows)
        batch.new_in_outbox |= any(row["done_ms"] is None for row in rows)
    for report in batch.fresh:
        if report.content.type == WEAR and report.content.fields.get("state") == WORN:
            ended = strap_ends.worn_again(connection, report.id, report.occurred_ms)
            batch.new_in_outbox |= ended


def _alarm(report: Report, now_ms: int) -> dict[str, Any]:
    why = report.content.fields.get("why")
    kind = signal_kind(report.content.type, report.alarm_kind, why, still=report.still)
    return _row(report, outbox.CENTRE, kind, now_ms) | {"case_id": report.case_id}


def _troubles(batch: Batch, context: Context, now_ms: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    seen: set[tuple[bytes, str]] = set()  # in this batch
    for report in batch.fresh:
        if report.content.type != FAULT:
            continue
        kind = fault_kind(report.content.fields.get("code"))
        which = (report.band.device_id, kind)
        row = _row(report, outbox.TROUBLE, kind, now_ms)
        if which in seen or context.troubles.is_repeat(*which, now_ms):
            row |= {"done_ms": now_ms, "outcome": outbox.REPEATED}
        seen.add(which)
        rows.append(row)
    return rows


def _row(report: Report, destination: str, kind: str, now_ms: int) -> dict[str, Any]:
    owner = report.whose.organisation_id
    return outbox.new_row(owner, destination, report.event_id, kind, now_ms)
