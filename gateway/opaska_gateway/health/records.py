# SPDX-License-Identifier: Apache-2.0
"""How the gateway's work is, from its database: who waits, for how long, and who was not told.

It is only looked at: nothing is made or brought up to date, and nobody's name is read. Silent
bands have a queue of their own: they count here only if the centre was not told of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, func, select
from sqlalchemy.exc import DBAPIError

from opaska_gateway.care.case import FORWARDED, RINGING
from opaska_gateway.care.fall import ANNOUNCED
from opaska_gateway.care.silence import SILENT, deadline_ms
from opaska_gateway.care.wearing import CONSOLE, EXTERNAL
from opaska_gateway.database import tables
from opaska_gateway.database.engine import Database
from opaska_gateway.database.migrate import NEWEST, revision
from opaska_gateway.database.outbox import CENTRE, TROUBLE
from opaska_gateway.health.line import Line, is_old
from opaska_gateway.refusals import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from opaska_gateway.settings import StorageSettings

READ_S: Final = 30.0
DAY_MS: Final = 86_400_000
UNTAKEN_MS: Final = 300_000  # a case that nobody has: a dispatcher takes one within a minute
FORGOTTEN_MS: Final = DAY_MS  # a case that nobody closes; its band is in touch every minute
UNSENT_MS: Final = 120_000  # an alarm: a receiver answers within seconds
UNRAISED_MS: Final = 60_000  # a fall after its deadline: the gateway raises it within seconds
UNTOLD_MS: Final = 600_000  # a silent band

NOBODYS: Final = ((RINGING, CONSOLE), (RINGING, EXTERNAL), (FORWARDED, CONSOLE))
# Of bands that are real: it goes on until a human has looked at them.
REFUSED: Final = ("not_storable", "unusable_key", "unknown_generation", "id_clash", "flood")

_cases, _outbox, _silence = tables.care_case.c, tables.outbox.c, tables.silence.c
# since when nobody has it: one that was taken and rings again, since it last began to
_SINCE = case((_cases.taken_ms.is_(None), _cases.opened_ms), else_=_cases.rang_ms)


def cases(connection: Connection, now_ms: int) -> Iterator[Line]:
    """Open ones, and the oldest of each state."""
    alike = _cases.state, _cases.handling
    query = select(*alike, func.count(), func.min(_SINCE)).where(_cases.closed_ms.is_(None))
    rows = connection.execute(query.group_by(*alike).order_by(*alike)).all()
    for state, handling, count, since_ms in rows:
        todo = ""
        if (state, handling) in NOBODYS and is_old(since_ms, UNTAKEN_MS, now_ms):
            todo = "call the wearer: `opaska cases list`, and `opaska cases take CASE`"
        elif is_old(since_ms, FORGOTTEN_MS, now_ms):
            todo = "ask how it ended, and `opaska cases close CASE`"
        yield Line(f"cases {state}, {handling}", count, since_ms, "the oldest", todo)
    if not rows:
        yield Line("cases", 0)


def signals(connection: Connection, now_ms: int) -> Iterator[Line]:
    """Alarms and troubles that the centre does not have."""
    for part, destination in (("alarms waiting", CENTRE), ("troubles waiting", TROUBLE)):
        query = select(_outbox.created_ms, _outbox.detail, func.count().over())
        query = query.where(_outbox.done_ms.is_(None), _outbox.destination == destination)
        oldest = connection.execute(query.order_by(_outbox.created_ms).limit(1)).first()
        if oldest is None:
            yield Line(part, 0)
            continue
        since_ms, detail, count = oldest
        late = destination == CENTRE and is_old(since_ms, UNSENT_MS, now_ms)
        todo = "call the centre and tell it: `opaska cases list`" if late else ""
        yield Line(part, count, since_ms, f"the oldest: {detail or 'not tried yet'}", todo)


def falls(connection: Connection, now_ms: int) -> Iterator[Line]:
    """Announced ones, neither cancelled nor raised, though their deadline has passed."""
    known = tables.announced_fall.c
    query = select(func.count(), func.min(known.due_ms)).where(known.state == ANNOUNCED)
    late = query.where(known.due_ms < now_ms - UNRAISED_MS)
    count, due_ms = connection.execute(late).one()
    todo = "call the wearer: `opaska cases falls`; a gateway that runs would have raised it"
    yield Line("falls not raised", count, due_ms, "", todo if count else "")


def refused(connection: Connection, now_ms: int) -> Iterator[Line]:
    """Frames, today and yesterday (UTC), by reason; what is mended is no trouble tomorrow."""
    known, since_day = tables.refusal_count.c, now_ms // DAY_MS - 1
    query = select(known.reason, known.band, func.sum(known.count), func.max(known.day))
    query = query.where(known.day >= since_day).group_by(known.reason, known.band)
    counts: Counter[str] = Counter()
    bands: dict[str, list[str]] = {}
    for reason, band, count, last_day in connection.execute(query):
        counts[reason] += int(count)
        if last_day > since_day:
            bands.setdefault(reason, []).append(band.hex())
    detail = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    todo = [f"{' '.join(bands[one])}: {REASONS[one]}" for one in REFUSED if one in bands]
    yield Line("frames refused", counts.total(), since_day * DAY_MS, detail, "; ".join(todo))


def silent(connection: Connection, now_ms: int) -> Iterator[Line]:
    """Bands, and whether the centre was told; and the last report of any band."""
    told_by = func.coalesce(_silence.event_id, tables.outage.c.event_id)
    query = (
        select(_silence.since_ms, _silence.raised_ms, _outbox.outcome)
        .outerjoin(tables.outage, _silence.outage_id == tables.outage.c.id)
        .outerjoin(tables.outbox, (_outbox.event_id == told_by) & (_outbox.destination == TROUBLE))
        .where(_silence.state == SILENT)
    )
    rows = connection.execute(query.order_by(_silence.since_ms)).all()
    late = [row for row in rows if is_old(row.raised_ms, UNTOLD_MS, now_ms)]
    untold = [row for row in late if not (row.outcome or "").startswith("accepted")]
    todo = f"call them: `opaska bands silent`; the centre does not know of {len(untold)}"
    since_ms = rows[0].since_ms if rows else None
    yield Line("bands silent", len(rows), since_ms, "", todo if untold else "")

    event = tables.event.c
    query = select(event.stored_ms).where(event.kind == "report").order_by(event.id.desc())
    last_ms = connection.execute(query.limit(1)).scalar()
    period_ms = connection.execute(select(func.min(tables.watched_band.c.period_ms))).scalar()
    # if nobody is missed, all may be absent
    unheard = rows and period_ms and last_ms and is_old(last_ms, deadline_ms(period_ms), now_ms)
    todo = "look whether bands reach the broker: its address, port 8883, its log"
    yield Line(
        "last report", "stored" if last_ms else "none", last_ms, "", todo if unheard else ""
    )


CHECKS: Final[tuple[Callable[[Connection, int], Iterator[Line]], ...]] = (
    cases,
    signals,
    falls,
    refused,
    silent,
)


async def of_records(storage: StorageSettings, now_ms: int) -> list[Line]:
    """All of it as of one moment, or why the database cannot be read."""
    database = Database(storage.url)
    try:
        if storage.database_url is None and not storage.database_file.exists():
            todo = "start the gateway, which makes it, or correct the settings"
            return [Line("database", "missing", None, storage.place, todo)]
        async with asyncio.timeout(READ_S), database.read() as connection:
            return await connection.run_sync(_all, now_ms)
    except (DBAPIError, OSError) as error:  # the latter also as TimeoutError
        cause = error.orig if isinstance(error, DBAPIError) else error
        why = " ".join(str(cause).split()) or f"no answer within {READ_S:g} s"
        todo = "look at its disk, its server, and at who may read it"
        return [Line("database", "cannot be read", None, f"{storage.place}: {why}", todo)]
    finally:
        await database.__aexit__(None, None, None)


def _all(connection: Connection, now_ms: int) -> list[Line]:
    found = revision(connection)
    if found != NEWEST:
        detail = f"tables {found or 'missing'}; this program has {NEWEST}"
        return [
            Line("database", "of another version", None, detail, "start this version's gateway")
        ]
    return [line for check in CHECKS for line in check(connection, now_ms)]
