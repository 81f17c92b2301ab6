# SPDX-License-Identifier: Apache-2.0
"""Tells when reports happened, keeping the best anchor of each boot that is in use.

Lives in the thread of the database: steps inside the transaction use it, nobody else.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from opaska_gateway.care.occurred import (
    WORTH_MS,
    Anchor,
    Occurred,
    anchor_of,
    anchor_of_wall_time,
    drift_ms,
    occurred,
)
from opaska_gateway.database.dates import back_date, best_anchor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from opaska_gateway.batch import Report
    from opaska_gateway.database.dates import BootId

MAX_BOOTS = 10_000  # about 300 B each; one that falls out is read again


class Dating:
    """The anchors of the boots that speak."""

    def __init__(self) -> None:
        self._best: OrderedDict[BootId, Anchor] = OrderedDict()

    def learn(self, connection: Connection, reports: Iterable[Report]) -> list[BootId]:
        """Take what these reports tell; the boots whose stored reports should be corrected."""
        worth: dict[BootId, None] = {}
        for report in reports:
            boot_id = report.id[:3]
            known = self._known(connection, boot_id)
            own = _own(report)
            if own.better_than(known):
                self._best[boot_id] = own
                if known is not None and _is_worth(own, known):
                    worth[boot_id] = None
        while len(self._best) > MAX_BOOTS:
            self._best.popitem(last=False)
        return list(worth)

    def when(self, report: Report) -> Occurred:
        """When it happened; `learn` has seen it."""
        own = _own(report)
        return occurred(report.arrival.received_ms, own, self._best.get(report.id[:3], own))

    def correct(self, connection: Connection, boot_ids: Iterable[BootId]) -> None:
        """Correct stored reports by what was learnt."""
        for boot_id in boot_ids:
            back_date(connection, boot_id, self._best[boot_id])

    def _known(self, connection: Connection, boot_id: BootId) -> Anchor | None:
        known = self._best.get(boot_id)
        if known is not None:
            self._best.move_to_end(boot_id)
            return known
        return best_anchor(connection, boot_id)


def _own(report: Report) -> Anchor:
    """What the report itself tells; nothing can have happened before its band was registered."""
    fields = report.content.fields
    received_ms, uptime_ms = report.arrival.received_ms, fields.get("uptime_ms", 0)
    if "time" not in fields:
        return anchor_of(received_ms, uptime_ms)
    _, unix_s, error_s = fields["time"]
    return anchor_of_wall_time(received_ms, uptime_ms, unix_s, error_s, report.band.created_ms)


def _is_worth(own: Anchor, known: Anchor) -> bool:
    if own.error_ms is not None and known.error_ms is None:
        return True
    return known.boot_ms - own.boot_ms > WORTH_MS + drift_ms(own, known)
