# SPDX-License-Identifier: Apache-2.0
"""Reads and writes silences; `care/silence.py` says what may become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, exists, func, literal, select, update
from sqlalchemy.dialects import postgresql

from opaska_gateway.care.outage import places_of
from opaska_gateway.care.silence import HEARD, PERIOD, WORD, Quiet, missing_ms, next_event, step
from opaska_gateway.database.tables import (
    absence,
    assignment,
    device,
    outage,
    silence,
    watched_band,
)
from opaska_gateway.database.watched_bands import is_absent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select

    from opaska_gateway.care.outage import Place


class Open(NamedTuple):
    """A silence that goes on, and its band now."""

    id: int
    device_id: bytes
    organisation_id: bytes
    person_id: bytes
    assignment_id: bytes
    kid: bytes
    quiet: Quiet
    quiet_since_ms: int
    event_id: int | None  # by which the centre was told
    outage_id: int | None  # one that goes on
    places: tuple[Place, ...]

    @property
    def event(self) -> str | None:
        """What has happened to it."""
        return next_event(self.quiet)


def _quiet_for(period_ms: Any, now_ms: int) -> Any:
    return watched_band.c.quiet_since_ms <= now_ms - missing_ms(period_ms)


def _unnoticed(now_ms: int, period_ms: int) -> Any:
    """Bands that have been quiet for their period; `period_ms` is the shortest, for the index."""
    noticed = exists().where(
        silence.c.device_id == watched_band.c.device_id, silence.c.ended_ms.is_(None)
    )
    return _quiet_for(period_ms, now_ms) & _quiet_for(watched_band.c.period_ms, now_ms) & ~noticed


def are_unnoticed(now_ms: int, period_ms: int, connection: Connection) -> bool:
    """Whether a band has been quiet for its period and nobody has noted it."""
    query = select(watched_band.c.device_id).where(_unnoticed(now_ms, period_ms)).limit(1)
    return connection.execute(query).first() is not None


def notice(now_ms: int, period_ms: int, at_most: int, connection: Connection) -> int:
    """Note bands that have been quiet for their period as missing; how many are new."""
    state, _ = step(HEARD, PERIOD)
    since_ms = func.coalesce(watched_band.c.last_word_ms, assignment.c.from_ms)
    quiet = (
        select(
            watched_band.c.organisation_id,
            watched_band.c.device_id,
            watched_band.c.person_id,
            watched_band.c.assignment_id,
            literal(state),
            since_ms,
            literal(now_ms),
        )
        .join(assignment, watched_band.c.assignment_id == assignment.c.id)
        .where(_unnoticed(now_ms, period_ms))
        .limit(at_most)
    )
    names = ("organisation_id", "device_id", "person_id", "assignment_id")
    columns = [*names, "state", "since_ms", "missing_ms"]
    new = postgresql.insert(silence).from_select(columns, quiet).on_conflict_do_nothing()
    return connection.execute(new).rowcount  # another gateway may have noted some at the same time


def all_open(connection: Connection, now_ms: int) -> list[Open]:
    """Every silence that goes on."""
    return [_open(row, now_ms) for row in connection.execute(_open_ones(now_ms))]


def locked(connection: Connection, silence_id: int, now_ms: int) -> Open | None:
    """This silence, locked; None if it has ended meanwhile."""
    query = _open_ones(now_ms).where(silence.c.id == silence_id).with_for_update(of=silence)
    row = connection.execute(query).first()
    return None if row is None else _open(row, now_ms)


def _open_ones(now_ms: int) -> Select[*tuple[Any, ...]]:
    absent = exists().where(absence.c.person_id == silence.c.person_id, is_absent(now_ms))
    return (
        select(
            silence.c.id,
            silence.c.device_id,
            silence.c.organisation_id,
            silence.c.person_id,
            silence.c.assignment_id,
            silence.c.state,
            silence.c.since_ms,
            silence.c.event_id,
            device.c.kid,
            watched_band.c.assignment_id.label("worn_by"),
            watched_band.c.municipality_id,
            watched_band.c.area,
            watched_band.c.period_ms,
            watched_band.c.last_word_ms,
            watched_band.c.quiet_since_ms,
            outage.c.id.label("outage_id"),
            absent.label("absent"),
        )
        .join(device, silence.c.device_id == device.c.id)
        .outerjoin(watched_band, silence.c.device_id == watched_band.c.device_id)
        .outerjoin(outage, (silence.c.outage_id == outage.c.id) & outage.c.ended_ms.is_(None))
        .where(silence.c.ended_ms.is_(None))
    )


def _open(row: Any, now_ms: int) -> Open:
    is_watched = row.quiet_since_ms is not None
    quiet_since_ms = row.quiet_since_ms if is_watched else now_ms
    return Open(
        row.id,
        row.device_id,
        row.organisation_id,
        row.person_id,
        row.assignment_id,
        row.kid,
        Quiet(
            row.state,
            row.since_ms,
            row.last_word_ms,
            now_ms - quiet_since_ms,
            row.period_ms if is_watched else 0,
            row.worn_by == row.assignment_id,
            bool(row.absent),
        ),
        quiet_since_ms,
        row.event_id,
        row.outage_id,
        places_of(row.organisation_id, row.municipality_id, row.area),
    )


def move(connection: Connection, one: Open, event: str, **values: Any) -> tuple[str, ...]:
    """Let an event happen to one silence; the effects."""
    state, effects = step(one.quiet.state, event)
    connection.execute(update(silence).where(silence.c.id == one.id).values(state=state, **values))
    return effects


_END = (
    update(silence)
    .where(silence.c.id == bindparam("this"), silence.c.state == bindparam("was"))
    .values(state=bindparam("new"), ended_ms=bindparam("at"))
)


def end_untold(ended: Iterable[tuple[Open, str]], now_ms: int, connection: Connection) -> None:
    """End silences of which the centre was not told as of single ones."""
    rows = [
        {
            "this": one.id,
            "was": one.quiet.state,
            "new": step(one.quiet.state, event)[0],
            "at": ended_ms(one, event, now_ms),
        }
        for one, event in ended
    ]
    if rows:
        connection.execute(_END, rows)


def ended_ms(one: Open, event: str, now_ms: int) -> int:
    """When: a word ends it when it came."""
    word_ms = one.quiet.last_word_ms
    return word_ms if event == WORD and word_ms is not None else now_ms
