# SPDX-License-Identifier: Apache-2.0
"""What a band has measured of its wearer: pulse, and an orientation value of saturation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from opaska_gateway.bodies import Bodies
from opaska_gateway.database.tables import event
from opaska_gateway.registry import orders
from opaska_gateway.registry.find import BAND, find, wearer_of
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.orders import MEASURE
from opaska_protocol.reports import (
    PULSE_AT_LIMIT,
    PULSE_BY_SCHEDULE,
    PULSE_IN_ALARM,
    PULSE_ON_REQUEST,
    VITALS,
    decode_report,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

_WHY: Final = {
    PULSE_BY_SCHEDULE: "schedule",
    PULSE_IN_ALARM: "alarm open",
    PULSE_ON_REQUEST: "request",
    PULSE_AT_LIMIT: "limit",
}
_MEASURED: Final = ("heart_rate_bpm", "spo2_percent", "quality_percent")
_SHOWN: Final = 50  # measurements of a band


async def measure(change: Change, band: str, why: str) -> int:
    """Order one measurement; its number."""
    return await orders.give(change, band, MEASURE, {}, "vitals_ordered", why)


async def of_band(change: Change, text: str, why: str) -> list[dict[str, Any]]:
    """What it measured of its wearer of now, the latest first; who looks is audited.

    A measurement without a pulse has a quality alone."""
    band = await find(change.connection, BAND, text)
    person_id = await wearer_of(change.connection, band.id)
    whose = f"person:{person_id.hex()}" if person_id else f"device:{band.id.hex()}"
    await change.note("vitals_read", whose, band.organisation_id, why=why)
    which = (event.c.device_id == band.id) & (event.c.person_id == person_id)  # IS NULL in store
    return await change.connection.run_sync(_read, change.vault, which)


def _read(
    connection: Connection, vault: Vault, which: ColumnElement[bool]
) -> list[dict[str, Any]]:
    bodies = Bodies(vault)
    query = (
        select(event)
        .where(which, event.c.report_type == VITALS)
        .order_by(event.c.occurred_ms.desc(), event.c.id.desc())
        .limit(_SHOWN)
    )
    found = (_shown(connection, bodies, row) for row in connection.execute(query).all())
    return [one for one in found if one]


def _shown(connection: Connection, bodies: Bodies, row: AnyRow) -> dict[str, Any] | None:
    """Nothing of a wearer who was erased."""
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        fields = decode_report(body).fields if body else None
    except (VaultError, ProtocolError):
        return None
    if fields is None:
        return None
    shown: dict[str, Any] = {name: fields.get(name) for name in _MEASURED}
    why = fields.get("why", 0)
    return {"measured_ms": row.occurred_ms, **shown, "why": _WHY.get(why, str(why))}
