# SPDX-License-Identifier: Apache-2.0
"""Dedupe: one report of each message id in the batch; what differs under the same id is a clash.

Against what is stored, the unique key of `event` has the last word: see store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.batch import Refusal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch, MessageId, Report
    from opaska_gateway.context import Context


def dedupe(batch: Batch, context: Context, connection: Connection) -> None:
    """Keep the first of each message id; its copies are answered with it."""
    del connection
    first: dict[MessageId, Report] = {}
    for report in batch.fresh:
        kept = first.setdefault(report.id, report)
        if kept is report:
            continue
        context.count("repeated" if kept.digest == report.digest else "clashed")
        if kept.digest != report.digest:
            batch.refusals.append(Refusal(report.arrival, "id_clash", report.band))
    batch.fresh = list(first.values())
