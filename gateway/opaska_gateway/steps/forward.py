# SPDX-License-Identifier: Apache-2.0
"""Forward: every alarm gets a row in the outbox to the monitoring centre; nothing is sent here.

Rows are pseudonymous: they say what happened, never to whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.care.alarm_kinds import signal_kind
from opaska_gateway.database import outbox

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context


def forward(batch: Batch, context: Context, connection: Connection) -> None:
    """Add the rows; `watch/forward_outbox.py` is woken after the commit."""
    del context
    now_ms = clock.now_ms()
    rows = [_row(report, now_ms) for report in batch.fresh if report.rings]
    if rows:
        outbox.add(connection, rows)
        batch.new_in_outbox = True


def _row(report: Report, now_ms: int) -> dict[str, Any]:
    worn = report.worn
    return {
        "organisation_id": worn.organisation_id if worn else report.band.organisation_id,
        "destination": outbox.CENTRE,
        "event_id": report.event_id,
        "case_id": report.case_id,
        "payload": {"kind": signal_kind(report.content.type, report.alarm_kind)},
        "created_ms": now_ms,
        "attempts": 0,
        "next_attempt_ms": now_ms,
    }
