# SPDX-License-Identifier: Apache-2.0
"""Where a visit away from home was: the position that its band reported for a touch, if any.

The fix may come minutes after the touch and its test, and after a restart of the band.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, or_, select

from opaska_gateway.database.tables import event
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import FIX_FOR_VISIT, POSITION, decode_report

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.bodies import Bodies

_E7: Final = 10_000_000
_SOON: Final = 40  # reports after a touch among which its position is looked for


def place_of(connection: Connection, bodies: Bodies, touch: Any) -> dict[str, Any]:
    """Degrees and metres; nothing of a touch at home, or whose wearer was erased."""
    for row in connection.execute(_positions_after(touch)):
        place = _place(connection, bodies, row, touch)
        if place:
            return place
    return {}


def _positions_after(touch: Any) -> Any:
    soon = touch.seq + _SOON
    same_boot = and_(event.c.boot == touch.boot, event.c.seq.between(touch.seq, soon))
    next_boot = and_(event.c.boot == touch.boot + 1, event.c.seq <= _SOON)
    return (
        select(event)
        .where(
            event.c.device_id == touch.device_id,
            event.c.generation == touch.generation,
            or_(same_boot, next_boot),
            event.c.report_type == POSITION,
        )
        .order_by(event.c.boot, event.c.seq)
    )


def _place(connection: Connection, bodies: Bodies, row: Any, touch: Any) -> dict[str, Any]:
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        fields = decode_report(body).fields if body else {}
    except (VaultError, ProtocolError):
        return {}
    of_boot = fields.get("of_boot", row.boot)
    position = fields.get("position")
    is_its = (fields.get("why"), of_boot, fields.get("of_seq")) == (
        FIX_FOR_VISIT,
        touch.boot,
        touch.seq,
    )
    if not is_its or not position or len(position) != 4:
        return {}
    latitude, longitude, within_m, _ = position
    return {"latitude": latitude / _E7, "longitude": longitude / _E7, "within_m": within_m}
