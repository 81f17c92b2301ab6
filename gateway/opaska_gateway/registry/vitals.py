# SPDX-License-Identifier: Apache-2.0
"""What a band has measured of its wearer: pulse, and an orientation value of saturation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from opaska_gateway.bodies import Bodies
from opaska_gateway.database.tables import event
from opaska_gateway.registry.find import BAND, find
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import (
    PULSE_AT_LIMIT,
    PULSE_BY_SCHEDULE,
    PULSE_IN_ALARM,
    PULSE_ON_REQUEST,
    VITALS,
    decode_report,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow
    from opaska_gateway.vault import Vault

_WHY: Final = {
    PULSE_BY_SCHEDULE: "schedule",
    PULSE_IN_ALARM: "alarm open",
    PULSE_ON_REQUEST: "request",
    PULSE_AT_LIMIT: "limit",
}
_MEASURED: Final = ("heart_rate_bpm", "spo2_percent", "quality_percent")
_SHOWN: Final = 50  # measurements of a band


async def of_band(connection: AsyncConnection, vault: Vault, band: str) -> list[dict[str, Any]]:
    """Its measurements, the latest first; one without a pulse has a quality alone."""
    found = await find(connection, BAND, band)
    return await connection.run_sync(_read, vault, found.id)


def _read(connection: Connection, vault: Vault, device_id: bytes) -> list[dict[str, Any]]:
    bodies = Bodies(vault)
    query = (
        select(event)
        .where(event.c.device_id == device_id, event.c.report_type == VITALS)
        .order_by(event.c.id.desc())
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
    return {"received_ms": row.received_ms, **shown, "why": _WHY.get(why, str(why))}
