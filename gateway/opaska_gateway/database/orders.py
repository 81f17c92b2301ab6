# SPDX-License-Identifier: Apache-2.0
"""Orders to bands: each has the next dseq of its band and waits until a heartbeat echoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select, update

from opaska_gateway import clock
from opaska_gateway.database.tables import band_order, device
from opaska_protocol.frame import MAX_U32
from opaska_protocol.orders import LOCATE, MEASURE

if TYPE_CHECKING:
    from sqlalchemy import Connection

QUESTIONS: Final = (LOCATE, MEASURE)  # of somebody who waits for the answer
FORGOTTEN: Final = 0  # the kind of an order that a band has had and this database never gave
MOST_SEEN: Final = MAX_U32 // 2  # who claims more talks nonsense, and would leave no number for us
LOST_AGAIN_MS: Final = 600_000  # so often an order is given again to a band that loses it
QUESTION_HOLDS_MS: Final = 24 * 3_600_000  # who asked yesterday how she is asks again, or need not


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


def again(connection: Connection, device_id: bytes, kind: int) -> bool:
    """Give the latest order of this kind, which the band has had and lost, under a new number; it
    is still of that time, and for whoever wore the band then. False: there is none, or not yet."""
    query = select(band_order).where(
        band_order.c.device_id == device_id, band_order.c.kind == kind
    )
    last = connection.execute(query.order_by(band_order.c.dseq.desc()).limit(1)).first()
    if last is None or last.echoed_ms is None or clock.now_ms() - last.echoed_ms < LOST_AGAIN_MS:
        return False
    dseq = add(connection, device_id, last.organisation_id, kind, last.arguments)
    connection.execute(
        update(band_order)
        .where(band_order.c.device_id == device_id, band_order.c.dseq == dseq)
        .values(created_ms=last.created_ms)
    )
    return True


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
    since_ms = clock.now_ms() - QUESTION_HOLDS_MS
    is_wanted = band_order.c.kind.not_in(QUESTIONS) | (band_order.c.created_ms > since_ms)
    return band_order.c.echoed_ms.is_(None) & is_wanted


def echo(connection: Connection, device_id: bytes, last_dseq: int) -> bool:
    """The band has all orders up to this one. True: this database gave out fewer."""
    if last_dseq > MOST_SEEN:
        return False
    highest = select(func.max(band_order.c.dseq)).where(band_order.c.device_id == device_id)
    if last_dseq > int(connection.execute(highest).scalar() or 0):
        _number_anew(connection, device_id, last_dseq)
        return True
    connection.execute(
        update(band_order)
        .where(
            band_order.c.device_id == device_id,
            band_order.c.dseq <= last_dseq,
            band_order.c.echoed_ms.is_(None),
        )
        .values(echoed_ms=clock.now_ms())
    )
    return False


def _number_anew(connection: Connection, device_id: bytes, last_dseq: int) -> None:
    """A restored database goes on above the numbers that the band has seen, and would refuse."""
    connection.execute(
        update(band_order)
        .where(band_order.c.device_id == device_id, band_order.c.echoed_ms.is_(None))
        .values(dseq=band_order.c.dseq + last_dseq)
    )
    owner = select(device.c.organisation_id).where(device.c.id == device_id).scalar_subquery()
    seen = {"device_id": device_id, "dseq": last_dseq, "organisation_id": owner}
    now_ms = clock.now_ms()
    connection.execute(
        insert(band_order).values(
            **seen, kind=FORGOTTEN, arguments=b"", created_ms=now_ms, echoed_ms=now_ms
        )
    )
