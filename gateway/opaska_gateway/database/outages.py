# SPDX-License-Identifier: Apache-2.0
"""Reads and writes outages; `care/outage.py` says when bands make one, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update

from opaska_gateway.care.causes import OUTAGE
from opaska_gateway.care.outage import Place
from opaska_gateway.care.silence import (
    DEADLINE,
    MISSING,
    OUTAGE_OVER,
    RETURNED,
    SILENT,
    deadline_ms,
    step,
)
from opaska_gateway.database.tables import listening, outage, silence, watched_band

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from opaska_gateway.care.outage import Outage
    from opaska_gateway.database.silences import Open

AT_ONCE = 500  # rows in one statement: below every limit of parameters


class Known(NamedTuple):
    """An outage that goes on."""

    id: int
    place: Place
    since_ms: int
    raised_ms: int
    event_id: int
    members: int
    still_silent: int
    last_return_ms: int | None


_STILL = silence.c.ended_ms.is_(None)
_IS_BACK = silence.c.state == RETURNED
_KNOWN = (
    select(
        outage.c.id,
        outage.c.organisation_id,
        outage.c.level,
        outage.c.place,
        outage.c.since_ms,
        outage.c.raised_ms,
        outage.c.event_id,
        func.count(silence.c.id).label("members"),
        func.count(silence.c.id).filter(_STILL).label("still_silent"),
        func.max(silence.c.ended_ms).filter(_IS_BACK).label("last_return_ms"),
    )
    .outerjoin(silence, silence.c.outage_id == outage.c.id)
    .where(outage.c.ended_ms.is_(None))
    .group_by(outage.c.id)
)
_FALL_SILENT = (
    update(silence)
    .where(silence.c.id == bindparam("this"), silence.c.state == MISSING)
    .values(state=step(MISSING, DEADLINE)[0], raised_ms=bindparam("at"), cause=OUTAGE)
)
_ONE_MORE_PERIOD = (
    update(watched_band)
    .where(watched_band.c.device_id == bindparam("band"))
    .values(quiet_since_ms=bindparam("since"))
)


def going_on(connection: Connection) -> list[Known]:
    """Every outage that is not over."""
    return [
        Known(
            row.id,
            Place(row.organisation_id, row.level, row.place),
            row.since_ms,
            row.raised_ms,
            row.event_id,
            row.members,
            row.still_silent,
            row.last_return_ms,
        )
        for row in connection.execute(_KNOWN)
    ]


def locked(connection: Connection, place: Place) -> int | None:
    """The outage that goes on there; whoever asks next waits until this transaction ends."""
    connection.execute(select(listening.c.id).with_for_update())
    here = (
        outage.c.organisation_id == place.organisation_id,
        outage.c.level == place.level,
        outage.c.place == place.name,
        outage.c.ended_ms.is_(None),
    )
    number: int | None = connection.execute(select(outage.c.id).where(*here)).scalar()
    return number


def begin(connection: Connection, found: Outage, event_id: int, now_ms: int) -> int:
    """A new outage with its members; its number."""
    number: int = connection.execute(
        insert(outage)
        .values(
            organisation_id=found.place.organisation_id,
            level=found.place.level,
            place=found.place.name,
            bands=found.watched,
            since_ms=found.since_ms,
            raised_ms=now_ms,
            event_id=event_id,
        )
        .returning(outage.c.id)
    ).scalar_one()
    join(connection, number, found.silences)
    return number


def join(connection: Connection, outage_id: int, silence_ids: Iterable[int]) -> None:
    """These silences belong to it."""
    ids = list(silence_ids)
    for start in range(0, len(ids), AT_ONCE):
        some = silence.c.id.in_(ids[start : start + AT_ONCE])
        connection.execute(update(silence).where(some, _STILL).values(outage_id=outage_id))


def fall_silent(connection: Connection, due: Iterable[Open], now_ms: int) -> None:
    """Members whose deadline has passed: the centre knows of their outage."""
    connection.execute(_FALL_SILENT, [{"this": one.id, "at": now_ms} for one in due])


def end(connection: Connection, known: Known, members: Iterable[Open], now_ms: int) -> bool:
    """It is over; False if it was before. Who is still silent gets one more period at least."""
    this = outage.c.id == known.id
    is_first = connection.execute(
        update(outage).where(this, outage.c.ended_ms.is_(None)).values(ended_ms=now_ms)
    ).rowcount
    if not is_first:
        return False
    state, _ = step(SILENT, OUTAGE_OVER)
    silent = silence.c.outage_id == known.id, silence.c.state == SILENT
    connection.execute(
        update(silence).where(*silent).values(state=state, raised_ms=None, cause=None)
    )
    later = [
        {
            "band": one.device_id,
            "since": max(
                one.quiet_since_ms,
                now_ms - deadline_ms(one.quiet.period_ms) + one.quiet.period_ms,
            ),
        }
        for one in members
    ]
    if later:
        connection.execute(_ONE_MORE_PERIOD, later)
    return True
