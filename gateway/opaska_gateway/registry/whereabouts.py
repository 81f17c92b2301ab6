# SPDX-License-Identifier: Apache-2.0
"""Where a band is, and where its wearer is safe: orders of a human who is named in the audit, and
what came of them. Positions leave a band only with an alarm, a zone's edge, or such an order."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from opaska_gateway import order_arguments
from opaska_gateway.bodies import Bodies
from opaska_gateway.database.orders import QUESTIONS
from opaska_gateway.database.tables import assignment, band_order, device, event
from opaska_gateway.errors import Refused
from opaska_gateway.registry import orders
from opaska_gateway.registry.find import BAND, find, wearer_of
from opaska_gateway.vault import VaultError
from opaska_protocol.errors import BodyError, ProtocolError
from opaska_protocol.orders import LOCATE, ZONES
from opaska_protocol.reports import ALARM, FROM_CELL, POSITION, ZONE, decode_report
from opaska_protocol.zones import zones_from_wire

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from opaska_gateway.registry.change import AnyRow, Change
    from opaska_gateway.vault import Vault

_CIRCLE: Final = re.compile(r"(\d{1,2})=(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?),(\d{1,5})")
_E7: Final = 10_000_000
_WITH_POSITION: Final = (ALARM, POSITION, ZONE)
_COLUMNS: Final = ("latitude", "longitude", "accuracy_m", "age_s", "cell")
_SHOWN: Final = 50  # positions of a band
_READ: Final = 1_000  # reports at most; alarms may have none


async def locate(change: Change, band: str, why: str) -> int:
    """Order one position; its number."""
    return await orders.give(change, band, LOCATE, {}, "position_ordered", why)


async def set_zones(change: Change, band: str, circles: list[str], why: str) -> int:
    """Order these safe zones in place of all that there were; its number."""
    zones = dict(map(parse_zone, circles))
    if len(zones) < len(circles):
        raise Refused("two zones have the same number")
    return await orders.give(change, band, ZONES, zones, "zones_ordered", why)


def parse_zone(text: str) -> tuple[int, list[int]]:
    """(number, [latitude, longitude in 1e-7 degrees, radius in m]) of NUMBER=LAT,LON,RADIUS."""
    found = _CIRCLE.fullmatch(text)
    if not found:
        raise Refused(
            f"{text!r} is no zone; write NUMBER=LATITUDE,LONGITUDE,RADIUS, a number of 1 to 3, "
            "degrees and metres, such as 1=52.22427,21.01230,300"
        )
    number, latitude, longitude, radius = found.groups()
    zone = int(number), [_e7(latitude), _e7(longitude), int(radius)]
    try:
        zones_from_wire(dict([zone]))
    except BodyError:
        raise Refused(
            f"{text!r} is out of range: numbers go from 1 to 3, latitude to 90 and longitude to "
            "180 degrees, the radius from 50 to 50000 m"
        ) from None
    return zone


def _e7(degrees: str) -> int:
    return round(float(degrees) * _E7)


async def hand_over(change: Change, band: AnyRow, since_ms: int, zones: dict[int, Any]) -> None:
    """Another wearer, or the same one and another key: what was ordered until then was for the
    last one, and where he lived. `zones` are hers, unless the band was given some in store."""
    of_band = band_order.c.device_id == band.id
    await change.connection.execute(
        update(band_order)
        .where(
            of_band,
            band_order.c.kind.in_((*QUESTIONS, ZONES)),
            band_order.c.created_ms <= since_ms,
            band_order.c.echoed_ms.is_(None),
        )
        .values(echoed_ms=change.at_ms)
    )
    latest = select(func.max(band_order.c.created_ms)).where(of_band, band_order.c.kind == ZONES)
    zones_ms = (await change.connection.execute(latest)).scalar()
    was_given = zones_ms is not None and zones_ms > since_ms
    if not was_given and (zones or zones_ms is not None):
        why = "as she had them" if zones else "another wearer"
        await orders.give(change, band.kid.hex(), ZONES, zones, "zones_ordered", why)


async def zones_of(change: Change, person_id: bytes) -> dict[int, Any]:
    """The safe zones that were ordered last for a person, on whatever band she wore."""
    worn = (
        select(assignment.c.device_id, assignment.c.to_ms, device.c.kid)
        .join_from(assignment, device)
        .where(assignment.c.person_id == person_id)
        .order_by(assignment.c.from_ms.desc())
    )
    last = (await change.connection.execute(worn.limit(1))).first()
    if last is None:
        return {}
    ordered = (
        select(band_order.c.arguments)
        .where(band_order.c.device_id == last.device_id, band_order.c.kind == ZONES)
        .order_by(band_order.c.dseq.desc())
    )
    if last.to_ms is not None:
        ordered = ordered.where(band_order.c.created_ms < last.to_ms)
    kept = (await change.connection.execute(ordered.limit(1))).scalar()
    return order_arguments.opened(change.vault, last.kid, ZONES, kept) if kept else {}


async def of_case(
    connection: AsyncConnection, vault: Vault, case_id: bytes
) -> list[dict[str, Any]]:
    """Where the band was while the case was open, the latest first."""
    return await connection.run_sync(_read, vault, event.c.case_id == case_id)


async def of_band(change: Change, text: str, why: str) -> list[dict[str, Any]]:
    """Where its wearer was, the latest first, or a band in store; who looks is audited."""
    band = await find(change.connection, BAND, text)
    person_id = await wearer_of(change.connection, band.id)
    whose = f"person:{person_id.hex()}" if person_id else f"device:{band.id.hex()}"
    await change.note("places_read", whose, band.organisation_id, why=why)
    which = (event.c.device_id == band.id) & (event.c.person_id == person_id)  # IS NULL in store
    return await change.connection.run_sync(_read, change.vault, which)


def _read(
    connection: Connection, vault: Vault, which: ColumnElement[bool]
) -> list[dict[str, Any]]:
    bodies = Bodies(vault)
    query = (
        select(event)
        .where(which, event.c.report_type.in_(_WITH_POSITION))
        .order_by(event.c.id.desc())
        .limit(_READ)
    )
    found = (_shown(connection, bodies, row) for row in connection.execute(query))
    return list(islice(filter(None, found), _SHOWN))


def _shown(connection: Connection, bodies: Bodies, row: AnyRow) -> dict[str, Any] | None:
    """Nothing of a report without a place, or whose wearer was erased."""
    id_ = (row.device_id, row.generation, row.boot, row.seq)
    try:
        body = bodies.opened(connection, row.body_form, row.person_id, id_, row.body)
        fields = decode_report(body).fields if body else {}
    except (VaultError, ProtocolError):
        return None
    position, cell = fields.get("position"), fields.get("cell")
    if not position and not cell:
        return None
    shown: dict[str, Any] = dict.fromkeys(_COLUMNS) | {"received_ms": row.received_ms}
    if position and len(position) == 4:
        lat_e7, lon_e7, accuracy_m, age_s = position
        shown |= {"latitude": lat_e7 / _E7, "longitude": lon_e7 / _E7}
        shown |= {"accuracy_m": accuracy_m, "age_s": age_s}
    if fields.get("source") == FROM_CELL:
        shown["cell"] = "-".join(map(str, cell or ()))
    return shown
