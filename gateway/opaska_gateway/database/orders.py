# SPDX-License-Identifier: Apache-2.0
"""Orders to bands: each has the next dseq of its band and waits until a heartbeat echoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select, update

from opaska_gateway import clock
from opaska_gateway.database.tables import band_order, device
from opaska_protocol.frame import MAX_U32
from opaska_protocol.orders import LOCATE

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCATE_HOLDS_MS: Final = 24 * 3_600_000  # who asked yesterday where she is asks again, or need not


def add(
    connection: Connection,
    device_id: bytes,
    organisation_id: bytes,
    kind: int,
    arguments: bytes,
) -> int:
    """Add an order, its arguments as order_arguments.py keeps them; its dseq.

    It leaves with `Context.changed_elsewhere` or at a heartbeat."""
    highest = select(func.max(band_order.c.dseq)).where(band_order.c.device_id == device_id)
    dseq = int(connection.execute(highest).scalar() or 0) + 1
    connection.execute(
        insert(band_order).values(
            device_id=device_id,
            dseq=dseq,
            organisation_id=organisation_id,
            kind=kind,
            arguments=arguments,
            created_ms=clock.now_ms(),
        )
    )
    return dseq


def waiting(connection: Connection, device_id: bytes) -> list[tuple[int, int, bytes]]:
    """(dseq, kind, arguments) of what the band has not echoed, oldest first: of each kind the
    latest, which says it all, so that none waits behind others."""
    latest = (
        select(func.max(band_order.c.dseq))
        .where(band_order.c.device_id == device_id, _holds())
        .group_by(band_order.c.kind)
    )
    rows = connection.execute(
        select(band_order.c.dseq, band_order.c.kind, band_order.c.arguments)
        .where(band_order.c.device_id == device_id, band_order.c.dseq.in_(latest))
        .order_by(band_order.c.dseq)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def all_waiting(connection: Connection) -> list[tuple[bytes, int]]:
    """(kid, dseq) of every order that was not echoed."""
    rows = connection.execute(select(device.c.kid, band_order.c.dseq).join(device).where(_holds()))
    return [(row[0], row[1]) for row in rows]


def _holds() -> Any:
    """Not echoed, and still wanted."""
    since_ms = clock.now_ms() - LOCATE_HOLDS_MS
    is_wanted = (band_order.c.kind != LOCATE) | (band_order.c.created_ms > since_ms)
    return band_order.c.echoed_ms.is_(None) & is_wanted


def echo(connection: Connection, device_id: bytes, last_dseq: int) -> None:
    """The band has all orders up to this one."""
    highest = select(func.max(band_order.c.dseq)).where(band_order.c.device_id == device_id)
    known = int(connection.execute(highest).scalar() or 0)
    if known and last_dseq > known:
        _number_anew(connection, device_id, last_dseq, known)
        return
    connection.execute(
        update(band_order)
        .where(
            band_order.c.device_id == device_id,
            band_order.c.dseq <= last_dseq,
            band_order.c.echoed_ms.is_(None),
        )
        .values(echoed_ms=clock.now_ms())
    )


def _number_anew(connection: Connection, device_id: bytes, last_dseq: int, known: int) -> None:
    """A restored database gave out numbers that the band has seen, and would refuse."""
    if last_dseq > MAX_U32 - known:
        return  # no number is left that could be higher
    connection.execute(
        update(band_order)
        .where(band_order.c.device_id == device_id, band_order.c.echoed_ms.is_(None))
        .values(dseq=band_order.c.dseq + last_dseq)
    )
