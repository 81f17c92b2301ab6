# SPDX-License-Identifier: Apache-2.0
"""What the monitoring centre hears of an alarm or a fault: its account, kind, time and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway.care.occurred import is_late
from opaska_gateway.centre.interface import Signal
from opaska_gateway.database.outbox import TROUBLE
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from opaska_gateway.database.outbox import Waiting


def signal_of(row: Waiting, body: bytes | None, now_ms: int) -> Signal | None:
    """The signal of an outbox row and its opened body; None if the wearer has no account."""
    if row.account is None:
        return None
    fields = _fields(body)
    kind: str = row.payload["kind"]
    trouble = row.destination == TROUBLE
    return Signal(
        account=row.account,
        kind=kind,
        number=row.id,
        occurred_ms=row.occurred_ms,
        trouble=trouble,
        restore=bool(row.payload.get("restore")),
        late=row.attempts > 1 or is_late(row.occurred_ms, now_ms),
        position=_position(fields),
        text=row.payload.get("text") or _text(kind, fields) if trouble else None,
    )


def _fields(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {}
    try:
        return decode_report(body).fields
    except ProtocolError:
        return {}


def _text(kind: str, fields: dict[str, Any]) -> str:
    """A fault in words; `detail` is the band's own, such as the name of a task."""
    return f"band {kind} {fields.get('detail', '')}".replace("_", " ").strip()


def _position(fields: dict[str, Any]) -> tuple[float, float] | None:
    """Where it happened, in degrees, if the alarm says so."""
    position = fields.get("position")
    if position is None:
        return None
    latitude, longitude = position[0] / 1e7, position[1] / 1e7
    is_on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if is_on_earth else None
