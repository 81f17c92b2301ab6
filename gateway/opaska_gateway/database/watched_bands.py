# SPDX-License-Identifier: Apache-2.0
"""Which bands are on a wrist, and since when each has been quiet.

The clock of quiet stands still while nobody could hear: the gateway was down, its broker away, its
disk full, its clock set. So a restart makes no fault, and restarts every half hour hide none. It
stands still for an absent wearer, too, and so begins anew when the absence ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from opaska_gateway.care.outage import places_of
from opaska_gateway.database.tables import (
    absence,
    agreement,
    assignment,
    band_settings,
    device,
    event,
    listening,
    place,
    watched_band,
)
from opaska_protocol.orders import whole_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from opaska_gateway.care.outage import Place

HOLD_MS: Final = 60_000  # an absent wearer's band is at most this quiet
_COLUMNS: Final = (
    "device_id",
    "organisation_id",
    "assignment_id",
    "person_id",
    "municipality_id",
    "area",
    "period_ms",
)
_PERIOD = bindparam("period", type_=BigInteger)


def _heartbeat_ms(settings: Any) -> Any:
    default_s: int = whole_settings({})["heartbeat_s"]
    return func.coalesce(settings["heartbeat_s"].as_integer(), default_s) * 1000


def _longer(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)


_desired_ms = _heartbeat_ms(assignment.c.settings)
_reported_ms = func.coalesce(  # an order may be on its way for long
    select(_heartbeat_ms(band_settings.c.settings))
    .where(
        band_settings.c.device_id == assignment.c.device_id,
        band_settings.c.reported_ms.is_not(None),
    )
    .order_by(band_settings.c.reported_ms.desc())
    .limit(1)
    .scalar_subquery(),
    0,
)
_WANTED = (
    select(
        assignment.c.device_id,
        assignment.c.organisation_id,
        assignment.c.id.label("assignment_id"),
        assignment.c.person_id,
        agreement.c.municipality_id,
        place.c.area,
        _longer(_longer(_desired_ms, _reported_ms), _PERIOD).label("period_ms"),
    )
    .join(device, assignment.c.device_id == device.c.id)
    .join(agreement, assignment.c.agreement_id == agreement.c.id)
    .outerjoin(place, assignment.c.place_id == place.c.id)
    .where(assignment.c.to_ms.is_(None), device.c.revoked_ms.is_(None))
)
_KNOWN = select(*(watched_band.c[name] for name in _COLUMNS))
_NEWS = _WANTED.except_(_KNOWN).limit(bindparam("at_most"))
_ON_A_WRIST = exists().where(
    assignment.c.id == watched_band.c.assignment_id,
    assignment.c.to_ms.is_(None),
    device.c.id == watched_band.c.device_id,
    device.c.revoked_ms.is_(None),
)
_NEWEST_REPORT = (
    select(event.c.assignment_id, event.c.received_ms)
    .where(event.c.device_id == bindparam("band"), event.c.generation.is_not(None))
    .order_by(event.c.generation.desc(), event.c.boot.desc(), event.c.seq.desc())
    .limit(1)
)
_HEARD = (
    update(watched_band)
    .where(watched_band.c.device_id == bindparam("band"))
    .values(last_word_ms=bindparam("at"), quiet_since_ms=bindparam("at"))
)


def is_followed(period_ms: int, connection: Connection) -> bool:
    """Whether the register says nothing new; asked of a reader, which keeps nobody waiting."""
    gone = select(watched_band.c.device_id).where(~_ON_A_WRIST).limit(1)
    if connection.execute(gone).first() is not None:
        return False
    return connection.execute(_NEWS, {"period": period_ms, "at_most": 1}).first() is None


def look_after(now_ms: int, period_ms: int, at_most: int, connection: Connection) -> int:
    """Follow the register: who wears what, where, with which heartbeat; how many were news."""
    connection.execute(delete(watched_band).where(~_ON_A_WRIST))
    wanted = {"period": period_ms, "at_most": at_most}
    news = [dict(row) for row in connection.execute(_NEWS, wanted).mappings()]
    known: set[bytes] = set()
    if news:
        known.update(connection.execute(select(watched_band.c.device_id)).scalars())
    fresh = [row for row in news if row["device_id"] not in known]
    if fresh:
        new = [row | _first_words(connection, row, now_ms) for row in fresh]
        connection.execute(insert(watched_band), new)
    for row in news:
        if row["device_id"] in known:
            this = watched_band.c.device_id == row["device_id"]
            connection.execute(update(watched_band).where(this).values(row))
    return len(news)


def _first_words(connection: Connection, row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Of a band that is newly looked after; it may have spoken before, as after an upgrade."""
    newest = connection.execute(_NEWEST_REPORT, {"band": row["device_id"]}).first()
    is_hers = newest is not None and newest.assignment_id == row["assignment_id"]
    last_word_ms = newest.received_ms if newest is not None and is_hers else None
    return {"last_word_ms": last_word_ms, "quiet_since_ms": now_ms}


def stand_still(now_ms: int, longest_pause_ms: int, connection: Connection) -> int:
    """We listen now; for how many ms the clock of quiet stood still because nobody did.

    A clock that was set back gives a negative number, and everybody stays as quiet as they were.
    """
    paused_ms = _pause(connection, now_ms, longest_pause_ms)
    if paused_ms:
        moved = watched_band.c.quiet_since_ms + paused_ms
        connection.execute(update(watched_band).values(quiet_since_ms=moved))
    _hold_for_absent(connection, now_ms)
    return paused_ms


def hear(words: Mapping[bytes, int], connection: Connection) -> None:
    """Write down who spoke, and when."""
    if words:
        spoken = [{"band": device_id, "at": at_ms} for device_id, at_ms in words.items()]
        connection.execute(_HEARD, spoken)


def _pause(connection: Connection, now_ms: int, longest_pause_ms: int) -> int:
    query = select(listening.c.heard_until_ms).with_for_update()
    until_ms: int | None = connection.execute(query).scalar()
    if until_ms is None:
        connection.execute(insert(listening).values(id=1, heard_until_ms=now_ms))
        return 0
    since_ms = now_ms - until_ms
    is_pause = abs(since_ms) > longest_pause_ms
    if is_pause or since_ms > 0:
        connection.execute(update(listening).values(heard_until_ms=now_ms))
    return since_ms if is_pause else 0


def _hold_for_absent(connection: Connection, now_ms: int) -> None:
    absent = select(absence.c.person_id).where(is_absent(now_ms))
    is_quiet = watched_band.c.quiet_since_ms < now_ms - HOLD_MS
    connection.execute(
        update(watched_band)
        .where(is_quiet, watched_band.c.person_id.in_(absent))
        .values(quiet_since_ms=now_ms)
    )


def is_absent(now_ms: int) -> Any:
    """Of an absence: it holds now."""
    return (absence.c.to_ms > now_ms) & (absence.c.from_ms <= now_ms)


def numbers(connection: Connection) -> dict[Place, int]:
    """How many bands are looked after, by place."""
    columns = (
        watched_band.c.organisation_id,
        watched_band.c.municipality_id,
        watched_band.c.area,
    )
    found: dict[Place, int] = {}
    for organisation_id, municipality_id, area, count in connection.execute(
        select(*columns, func.count()).group_by(*columns)
    ):
        for one in places_of(organisation_id, municipality_id, area):
            found[one] = found.get(one, 0) + count
    return found
