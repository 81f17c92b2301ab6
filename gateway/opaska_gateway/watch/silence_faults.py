# SPDX-License-Identifier: Apache-2.0
"""Begins and ends faults of silence: for the technician, the centre and the log.

Each in one transaction that looks again first; what another gateway did is not done twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.care.causes import UNKNOWN, Cause, likely_cause
from opaska_gateway.care.outage import AREA
from opaska_gateway.care.silence import DEADLINE, TELL_END
from opaska_gateway.database import outages, outbox, silences
from opaska_gateway.database.events import add_duty
from opaska_gateway.database.last_words import known_of
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from opaska_gateway.care.outage import Outage
    from opaska_gateway.context import Context
    from opaska_gateway.database.outages import Known
    from opaska_gateway.database.silences import Open

BAND_SILENT: Final = "band_silent"  # as receivers' profiles name them
BAND_OUTAGE: Final = "band_outage"

log = get_logger()


class SilenceFaults:
    """The hands of `silent_bands.py`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin(self, found: Open) -> None:
        """A band is silent: a fault with its likely cause."""
        cause = await self._context.database.transact(partial(self._begin, found.id))
        if cause is None:
            return
        self._context.count("bands_silent")
        self._context.outbox_ready.set()
        log.warning(
            "band_silent",
            kid=found.kid.hex(),
            since=_time_text(found.quiet.since_ms),
            cause=cause.word,
            detail=cause.detail,
        )

    def _begin(self, silence_id: int, connection: Connection) -> Cause | None:
        now_ms = clock.now_ms()
        one = silences.locked(connection, silence_id, now_ms)
        if one is None or one.event != DEADLINE or one.outage_id is not None:
            return None
        cause = self._cause(connection, one, now_ms)
        event_id = _duty(connection, one, now_ms)
        told = {"cause": cause.word, "detail": cause.detail, "event_id": event_id}
        silences.move(connection, one, DEADLINE, raised_ms=now_ms, outage_id=None, **told)
        text = f"band silent since {_time_text(one.quiet.since_ms)}: {_words(cause.word)}"
        _tell(connection, one.organisation_id, event_id, BAND_SILENT, text, now_ms)
        return cause

    def _cause(self, connection: Connection, one: Open, now_ms: int) -> Cause:
        try:
            return likely_cause(known_of(connection, self._context.bodies, one, now_ms))
        except Exception as error:  # a hint; the fault must not be lost over it
            log.error("cause_not_found", kid=one.kid.hex(), exc_info=error)
            return Cause(UNKNOWN, "")

    async def end(self, found: Open) -> None:
        """Such a fault is over; the centre hears so if it heard of it."""
        event = await self._context.database.transact(partial(self._end, found.id))
        if event is None:
            return
        self._context.count("bands_returned")
        self._context.outbox_ready.set()
        log.info(
            "band_silent_no_more",
            kid=found.kid.hex(),
            since=_time_text(found.quiet.since_ms),
            by=event,
        )

    def _end(self, silence_id: int, connection: Connection) -> str | None:
        now_ms = clock.now_ms()
        one = silences.locked(connection, silence_id, now_ms)
        event = None if one is None else one.event
        if one is None or event is None or event == DEADLINE:
            return None
        ended_ms = silences.ended_ms(one, event, now_ms)
        effects = silences.move(connection, one, event, ended_ms=ended_ms)
        if TELL_END in effects and one.event_id is not None:
            duty_id = _duty(connection, one, ended_ms)
            outbox.tell_end(connection, one.event_id, duty_id, one.organisation_id, now_ms)
        return event

    async def begin_outage(self, found: Outage) -> int:
        """Many bands of one place are silent: told as one; the outage's number."""
        number, is_new = await self._context.database.transact(partial(_begin_outage, found))
        if not is_new:
            return number
        self._context.count("outages")
        self._context.outbox_ready.set()
        log.error(
            "outage",
            number=number,
            bands=len(found.silences),
            of=found.watched,
            where=where(found.place.level, found.place.name),
            since=_time_text(found.since_ms),
            advice="see `opaska bands silent`; is the network there, is the broker reachable?",
        )
        return number

    async def fall_silent(self, due: Sequence[Open], belongs: Mapping[int, int]) -> None:
        """Bands whose deadline has passed, and the outage of each."""
        await self._context.database.transact(partial(_fall_silent, due, belongs))
        self._context.count("bands_silent", len(due))

    async def end_outage(self, known: Known, still: Sequence[Open]) -> None:
        """It is over; who is still silent gets one more period."""
        if await self._context.database.transact(partial(_end_outage, known, still)):
            self._context.outbox_ready.set()
            log.info(
                "outage_over",
                number=known.id,
                bands=known.members,
                still_silent=len(still),
                where=where(known.place.level, known.place.name),
            )


def where(level: str, name: str) -> str:
    """A place in words for the centre and the log; a municipality is named by its number."""
    if not name:
        return "everywhere"
    return f"area {name}" if level == AREA else f"municipality {name[:8]}"


def _begin_outage(found: Outage, connection: Connection) -> tuple[int, bool]:
    known = outages.locked(connection, found.place)
    if known is not None:
        outages.join(connection, known, found.silences)
        return known, False
    now_ms = clock.now_ms()
    owner = found.place.organisation_id
    event_id = add_duty(connection, owner, now_ms)
    number = outages.begin(connection, found, event_id, now_ms)
    place = where(found.place.level, found.place.name)
    text = f"{len(found.silences)} of {found.watched} bands silent, {place}"
    _tell(connection, owner, event_id, BAND_OUTAGE, text, now_ms)
    return number, True


def _fall_silent(due: Sequence[Open], belongs: Mapping[int, int], connection: Connection) -> None:
    for number in set(belongs.values()):
        new = [one.id for one in due if belongs[one.id] == number and one.outage_id != number]
        outages.join(connection, number, new)
    outages.fall_silent(connection, due, clock.now_ms())


def _end_outage(known: Known, still: Sequence[Open], connection: Connection) -> bool:
    now_ms = clock.now_ms()
    if not outages.end(connection, known, still, now_ms):
        return False
    duty_id = add_duty(connection, known.place.organisation_id, now_ms)
    owner = known.place.organisation_id
    outbox.tell_end(connection, known.event_id, duty_id, owner, now_ms)
    return True


def _duty(connection: Connection, one: Open, at_ms: int) -> int:
    whose = {
        "device_id": one.device_id,
        "person_id": one.person_id,
        "assignment_id": one.assignment_id,
    }
    return add_duty(connection, one.organisation_id, at_ms, **whose)


def _tell(
    connection: Connection, owner: bytes, event_id: int, kind: str, text: str, now_ms: int
) -> None:
    row = outbox.new_row(owner, outbox.TROUBLE, event_id, kind, now_ms, text=text)
    outbox.add(connection, [row])


def _words(cause: str) -> str:
    return cause.replace("_", " ")


def _time_text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
