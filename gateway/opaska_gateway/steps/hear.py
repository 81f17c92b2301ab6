# SPDX-License-Identifier: Apache-2.0
"""Hear: a new report is a word of its band, so nobody need look for it.

A repeat is none: anybody may have recorded it. Nor is `link_lost`: the broker says that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol.reports import LINK_LOST

if TYPE_CHECKING:
    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context


def hear(batch: Batch, context: Context) -> None:
    """Note who spoke; `watch/silent_bands.py` writes it down."""
    for report in batch.fresh:
        if report.content.type != LINK_LOST:
            context.words.hear(report.band.device_id, report.arrival.received_ms)
