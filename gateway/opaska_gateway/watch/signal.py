# SPDX-License-Identifier: Apache-2.0
"""What the monitoring centre hears about an alarm: its account, kind, time and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.care.occurred import is_late
from opaska_gateway.centre.interface import Signal
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report

if TYPE_CHECKING:
    from opaska_gateway.database.outbox import Waiting


def signal_of(row: Waiting, body: bytes | None) -> Signal | None:
    """The signal of an outbox row and its opened body; None if the wearer has no account."""
    if row.account is None:
        return None
    return Signal(
        account=row.account,
        kind=row.payload["kind"],
        occurred_ms=row.occurred_ms,
        late=is_late(row.occurred_ms, row.received_ms),
        position=_position(body),
    )


def _position(body: bytes | None) -> tuple[float, float] | None:
    """Where it happened, in degrees, if the alarm says so."""
    if body is None:
        return None
    try:
        position = decode_report(body).fields.get("position")
    except ProtocolError:
        return None
    if position is None:
        return None
    latitude, longitude = position[0] / 1e7, position[1] / 1e7
    is_on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if is_on_earth else None
