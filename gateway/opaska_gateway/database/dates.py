# SPDX-License-Identifier: Apache-2.0
"""Reads and corrects when the reports of one boot happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select, update

from opaska_gateway.care.occurred import WORTH_MS, Anchor, anchor_of, drift_ms, occurred
from opaska_gateway.database.tables import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    BootId = tuple[bytes, int, int]  # device, generation, boot

NEWEST = 100  # reports of a boot that are looked at: older ones tell no more
MOST = 2_000  # that are corrected; a band without a network keeps 800 at most

_OF_BOOT = (
    select(
        event.c.id,
        event.c.uptime_ms,
        event.c.received_ms,
        event.c.occurred_ms,
        event.c.occurred_error_ms,
        event.c.occurred_source,
        event.c.rings,
    )
    .where(
        event.c.device_id == bindparam("device"),
        event.c.generation == bindparam("generation"),
        event.c.boot == bindparam("boot"),
        event.c.uptime_ms.is_not(None),
    )
    .order_by(event.c.seq.desc())
)
_NEWEST = _OF_BOOT.limit(NEWEST)
_UNSURE = _OF_BOOT.where(event.c.occurred_source != "band").limit(MOST)
_CORRECT = (
    update(event)
    .where(event.c.id == bindparam("event_id"))
    .values(
        occurred_ms=bindparam("at_ms"),
        occurred_error_ms=bindparam("error_ms"),
        occurred_source=bindparam("source"),
    )
)


def best_anchor(connection: Connection, boot_id: BootId) -> tuple[Anchor | None, bool]:
    """What the stored reports of a boot tell about its beginning; whether an alarm is vague."""
    best: Anchor | None = None
    has_vague_alarm = False
    for row in _reports(connection, boot_id):
        anchor = _anchor(row)
        if anchor.better_than(best):
            best = anchor
        has_vague_alarm |= bool(row.rings) and row.occurred_error_ms is None
    return best, has_vague_alarm


def happened_at_latest_ms(
    connection: Connection, boot_id: BootId, uptime_ms: int | None, since_ms: int
) -> int | None:
    """When this uptime was, at the latest, told by the stored reports received since then.

    By our own clock alone: a wall time of the band may be wrong. None if nothing tells.
    """
    if uptime_ms is None:
        return None
    then = Anchor(0, None, uptime_ms)
    times = [
        row.received_ms - row.uptime_ms + uptime_ms + drift_ms(_arrival(row), then)
        for row in _reports(connection, boot_id)
        if row.received_ms >= since_ms
    ]
    return min(times, default=None)


def back_date(
    connection: Connection, boot_id: BootId, best: Anchor, not_before_ms: int
) -> list[int]:
    """Correct the stored reports of a boot by a better anchor; which ones were."""
    corrections: list[dict[str, Any]] = []
    for row in _reports(connection, boot_id, _UNSURE):
        then = occurred(row.received_ms, _anchor(row), best, not_before_ms)
        gained = row.occurred_error_ms is None and then.error_ms is not None
        if gained or abs(row.occurred_ms - then.at_ms) > WORTH_MS:
            corrections.append(
                {
                    "event_id": row.id,
                    "at_ms": then.at_ms,
                    "error_ms": then.error_ms,
                    "source": then.source,
                }
            )
    if corrections:
        connection.execute(_CORRECT, corrections)
    return [one["event_id"] for one in corrections]


def _reports(
    connection: Connection, boot_id: BootId, which: Select[*tuple[Any, ...]] = _NEWEST
) -> Sequence[Any]:
    device, generation, boot = boot_id
    wanted = {"device": device, "generation": generation, "boot": boot}
    return connection.execute(which, wanted).all()


def _anchor(row: Any) -> Anchor:
    if row.occurred_source == "band":
        return Anchor(row.occurred_ms - row.uptime_ms, row.occurred_error_ms, row.uptime_ms)
    return _arrival(row)


def _arrival(row: Any) -> Anchor:
    return anchor_of(row.received_ms, row.uptime_ms)
