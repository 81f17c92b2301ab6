# SPDX-License-Identifier: Apache-2.0
"""Which settings a band shall have and which it says are in force: desired and reported.

Each version is a whole set. The highest one is desired; it is ordered until a heartbeat reports
it, as orders can be lost between their number and their effect. A band that refuses a set is not
asked without end: a few times, then once a day.

Lives in the thread of the database: called inside its transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from opaska_gateway import clock
from opaska_gateway.database import orders
from opaska_gateway.database.tables import band_order, band_settings
from opaska_protocol import cbor
from opaska_protocol.orders import SETTINGS, settings_to_wire

if TYPE_CHECKING:
    from sqlalchemy import Connection

ORDERS_AT_ONCE: Final = 3  # of one version, each at a heartbeat that reports another
AGAIN_MS: Final = 24 * 3_600_000
ORDERS_A_DAY: Final = 50  # to one band by ourselves, whatever versions it invents
VERSIONS_KEPT: Final = 16  # of a band, beside those desired and in force: each is looked at
MAX_REPORTED: Final = 0x7FFFFFFF  # more is nonsense, and would leave no number for ours


class Version(NamedTuple):
    """One row; times in ms since 1970 UTC."""

    version: int
    settings: dict[str, Any] | None  # None = this database never knew them
    created_ms: int
    orders: int
    ordered_ms: int | None
    reported_ms: int | None


class Known(NamedTuple):
    """What there is about one band; None: nothing was ever ordered, or reported."""

    desired: Version | None
    reported: Version | None
    highest: int  # version, also of sets that this database never knew


def known(connection: Connection, device_id: bytes) -> Known:
    """The desired and the reported version of a band."""
    columns = [band_settings.c[name] for name in Version._fields]
    query = select(*columns).where(band_settings.c.device_id == device_id)
    rows = [Version(*row) for row in connection.execute(query)]
    desired = [row for row in rows if row.settings is not None and row.version]
    reported = [row for row in rows if row.reported_ms is not None]
    return Known(
        max(desired, default=None),
        max(reported, key=lambda row: row.reported_ms or 0, default=None),
        max((row.version for row in rows), default=0),
    )


def want(
    connection: Connection, device_id: bytes, organisation_id: bytes, settings: dict[str, Any]
) -> tuple[int, int]:
    """Order this whole set, as a new version if it is not the desired one; (version, dseq)."""
    desired, _, highest = known(connection, device_id)
    version = highest
    if desired is None or desired.version < highest or desired.settings != settings:
        version += 1
        _add(connection, device_id, organisation_id, version, settings=settings)
    return version, _order(connection, device_id, organisation_id, version, settings, 0)


def hear(
    connection: Connection, device_id: bytes, organisation_id: bytes, version: int, at_ms: int
) -> bool:
    """A heartbeat of then says that this version is in force. False: that was nothing new."""
    found = known(connection, device_id)
    desired, before = found.desired, found.reported
    if version > MAX_REPORTED or (before is None and desired is None and not version):
        return False  # nonsense, or a band as it was made
    if before is not None and (before.reported_ms or 0) > at_ms:
        if (before.reported_ms or 0) <= clock.now_ms():
            return True  # it waited, and tells of an earlier time
        _update(connection, device_id, before.version, reported_ms=at_ms - 1)  # a clock was wrong
    is_new = before is None or before.version != version
    if is_new:
        _note(connection, device_id, organisation_id, version, at_ms)
    if desired is not None and version == desired.version:
        return is_new
    if _has_had_enough(connection, device_id):
        return True
    if desired is None or version > desired.version:  # set by another, or the database is older
        want(connection, device_id, organisation_id, (desired and desired.settings) or {})
        return True
    tried = 0 if is_new else desired.orders
    if _is_due(connection, device_id, desired, tried):
        _order(
            connection, device_id, organisation_id, desired.version, desired.settings or {}, tried
        )
    return True


def _has_had_enough(connection: Connection, device_id: bytes) -> bool:
    """Whether a band that is never content was ordered as often as one can be in a day."""
    lately = select(func.count()).where(
        band_order.c.device_id == device_id,
        band_order.c.kind == SETTINGS,
        band_order.c.created_ms > clock.now_ms() - AGAIN_MS,
    )
    return int(connection.execute(lately).scalar_one()) >= ORDERS_A_DAY


def _is_due(connection: Connection, device_id: bytes, desired: Version, tried: int) -> bool:
    """Whether to order it once more: no order is on its way, and the band was not asked enough."""
    waits = select(band_order.c.dseq).where(
        band_order.c.device_id == device_id,
        band_order.c.kind == SETTINGS,
        band_order.c.echoed_ms.is_(None),
    )
    if connection.execute(waits.limit(1)).first():
        return False
    return tried < ORDERS_AT_ONCE or clock.now_ms() - (desired.ordered_ms or 0) >= AGAIN_MS


def _order(
    connection: Connection,
    device_id: bytes,
    organisation_id: bytes,
    version: int,
    settings: dict[str, Any],
    tried: int,
) -> int:
    arguments = cbor.encode(settings_to_wire({**settings, "version": version}))
    dseq = orders.add(connection, device_id, organisation_id, SETTINGS, arguments)
    _update(connection, device_id, version, orders=tried + 1, ordered_ms=clock.now_ms())
    return dseq


def _note(
    connection: Connection, device_id: bytes, organisation_id: bytes, version: int, at_ms: int
) -> None:
    if not _update(connection, device_id, version, reported_ms=at_ms):
        settings: dict[str, Any] | None = None if version else {}
        _add(
            connection,
            device_id,
            organisation_id,
            version,
            settings=settings,
            reported_ms=at_ms,
        )


def _add(
    connection: Connection,
    device_id: bytes,
    organisation_id: bytes,
    version: int,
    **values: Any,
) -> None:
    connection.execute(
        insert(band_settings).values(
            device_id=device_id,
            organisation_id=organisation_id,
            version=version,
            created_ms=clock.now_ms(),
            orders=0,
            **values,
        )
    )
    _forget_older(connection, device_id)


def _forget_older(connection: Connection, device_id: bytes) -> None:
    """A band that invents versions must not make the list long: all of it is read each time."""
    found = known(connection, device_id)
    needed = [one.version for one in (found.desired, found.reported) if one is not None]
    of_band = band_settings.c.device_id == device_id
    version = band_settings.c.version
    newest = select(version).where(of_band).order_by(version.desc()).limit(VERSIONS_KEPT)
    kept = [*connection.execute(newest).scalars(), *needed]
    connection.execute(delete(band_settings).where(of_band, version.not_in(kept)))


def _update(connection: Connection, device_id: bytes, version: int, **values: Any) -> int:
    """Number of rows."""
    done = connection.execute(
        update(band_settings)
        .where(band_settings.c.device_id == device_id, band_settings.c.version == version)
        .values(**values)
    )
    return done.rowcount
