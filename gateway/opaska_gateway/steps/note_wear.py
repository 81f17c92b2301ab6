# SPDX-License-Identifier: Apache-2.0
"""Note wear: whatever says how a band is worn counts for its wearer's hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opaska_gateway.database import wear
from opaska_protocol.reports import HEARTBEAT, WEAR

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, Report
    from opaska_gateway.context import Context

FIELDS: Final = {HEARTBEAT: "wear", WEAR: "state"}  # that says how, by report type
LARGEST: Final = 32_767  # of a state that this gateway does not know, as its column holds it


def note_wear(batch: Batch, context: Context, connection: Connection) -> None:
    """Keep what the fresh reports of this batch say."""
    del context
    wear.add(connection, [row for report in batch.fresh if (row := _row(report))])


def _row(report: Report) -> dict[str, Any] | None:
    fields = report.content.fields
    state = fields.get(FIELDS.get(report.content.type, ""))
    if state is None or state > LARGEST:
        return None
    device_id, generation, boot, _ = report.id
    uptime_ms, since_ms = fields.get("uptime_ms"), fields.get("since_ms")
    ago_ms = uptime_ms - since_ms if uptime_ms and since_ms is not None else -1
    before = fields.get("before")
    return {
        "event_id": report.event_id,
        "organisation_id": report.whose.organisation_id,
        "device_id": device_id,
        "generation": generation,
        "boot": boot,
        "person_id": report.whose.person_id,
        "state": state,
        "at_ms": report.occurred_ms,
        # a change that is older than its boot, or yet to come, is dated by its report alone
        "since_ms": report.occurred_ms - max(ago_ms, 0) if report.content.type == WEAR else None,
        "before": before if before is not None and before <= LARGEST else None,
    }
