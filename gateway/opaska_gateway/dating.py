# SPDX-License-Identifier: Apache-2.0
"""Tells when reports happened, keeping the best anchor of each boot that is in use.

After hours without coverage each report of a boot may tell more than the one before. Stored ones
are corrected once that has come to rest, or the band knows the time; alarms at once.

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

MAX_BOOTS = 10_000  # about 400 B each; one that falls out is read again


class _Boot:
    """What is known of one boot."""

    __slots__ = ("anchor", "has_vague_alarm", "is_stale", "not_before_ms")

    def __init__(self, anchor: Anchor | None, has_vague_alarm: bool, not_before_ms: int) -> None:
        self.not_before_ms = not_before_ms  # its key was made then
        self.anchor = anchor  # the best one; None = nothing was reported yet
        self.is_stale = anchor is not None  # stored reports may be dated by a worse anchor
        self.has_vague_alarm = has_vague_alarm  # one that happened "at the latest then"


class Dating:
    """The anchors of the boots that speak."""

    def __init__(self) -> None:
        self._boots: OrderedDict[BootId, _Boot] = OrderedDict()

    def learn(self, connection: Connection, reports: Iterable[Report]) -> list[BootId]:
        """Take what these reports tell; the boots whose stored reports are to be corrected."""
        to_correct: dict[BootId, None] = {}
        for report in reports:
            boot_id = report.id[:3]
            boot = self._boot(connection, boot_id, report.not_before_ms)
            gained = _gained(boot, _own(report))
            boot.is_stale |= gained
            is_sure = boot.anchor is not None and boot.anchor.error_ms is not None
            if boot.is_stale and (boot.has_vague_alarm or is_sure or not gained):
                to_correct[boot_id] = None
        while len(self._boots) > MAX_BOOTS:
            self._boots.popitem(last=False)
        return list(to_correct)

    def when(self, report: Report) -> Occurred:
        """When it happened; `learn` has seen it."""
        own = _own(report)
        received_ms, not_before_ms = report.arrival.received_ms, report.not_before_ms
        boot = self._boots.get(report.id[:3])
        if boot is None or boot.anchor is None:  # more boots in one batch than are kept
            return occurred(received_ms, own, own, not_before_ms)
        then = occurred(received_ms, own, boot.anchor, not_before_ms)
        boot.has_vague_alarm |= report.rings and then.error_ms is None
        return then

    def correct(
        self, connection: Connection, boot_ids: Iterable[BootId]
    ) -> list[tuple[BootId, list[int]]]:
        """Correct stored reports by what was learnt; by boot the row numbers of their events."""
        corrected: list[tuple[BootId, list[int]]] = []
        for boot_id in boot_ids:
            boot = self._boots.get(boot_id)
            if boot is not None and boot.anchor is not None:
                ids = back_date(connection, boot_id, boot.anchor, boot.not_before_ms)
                corrected += [(boot_id, ids)] if ids else []
                boot.is_stale = False
        return corrected

    def forget(self) -> None:
        """The transaction was rolled back: what was learnt in it is not stored."""
        self._boots = OrderedDict()

    def _boot(self, connection: Connection, boot_id: BootId, not_before_ms: int) -> _Boot:
        boot = self._boots.get(boot_id)
        if boot is None:
            boot = _Boot(*best_anchor(connection, boot_id), not_before_ms)
            self._boots[boot_id] = boot
        else:
            self._boots.move_to_end(boot_id)
        return boot


def _gained(boot: _Boot, own: Anchor) -> bool:
    """Take a better anchor; whether it moves stored reports by more than a trifle."""
    known = boot.anchor
    if not own.better_than(known):
        return False
    boot.anchor = own
    if known is None:
        return False
    if own.error_ms is not None and known.error_ms is None:
        return True
    return abs(known.boot_ms - own.boot_ms) > WORTH_MS + drift_ms(own, known)


def _own(report: Report) -> Anchor:
    """What the report itself tells; nothing can have happened before its key was made."""
    fields = report.content.fields
    received_ms, uptime_ms = report.arrival.received_ms, fields.get("uptime_ms", 0)
    if "time" not in fields:
        return anchor_of(received_ms, uptime_ms)
    _, unix_s, error_s = fields["time"]
    return anchor_of_wall_time(received_ms, uptime_ms, unix_s, error_s, report.not_before_ms)
