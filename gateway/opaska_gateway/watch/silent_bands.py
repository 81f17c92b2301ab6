# SPDX-License-Identifier: Apache-2.0
"""Turns a band's silence into a fault, many at once into one outage, and ends both.

Everything is rows, by the gateway's own clock, so a gateway that starts again goes on with them;
two gateways on one database tell each thing once. A fault is raised in a transaction of its own
that looks at it again, and one that fails holds up no other.

While this gateway cannot hear bands it judges nobody, and that time counts for nobody's silence.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from opaska_gateway import clock
from opaska_gateway.care.outage import Missing, Rules, find_outages, is_over
from opaska_gateway.care.silence import DEADLINE, MISSING, SILENT, deadline_ms, moved_ms
from opaska_gateway.database import outages, silences, watched_bands
from opaska_gateway.database.sickness import sickness
from opaska_gateway.logs import get_logger
from opaska_gateway.watch.silence_faults import SilenceFaults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from opaska_gateway.care.outage import Outage
    from opaska_gateway.context import Context
    from opaska_gateway.database.outages import Known
    from opaska_gateway.database.silences import Open
    from opaska_gateway.settings import SupervisionSettings

T = TypeVar("T")

START_S: Final = 5.0  # after a start: the broker hands over what it kept, bands connect again
LOOK_AGAIN_S: Final = 30.0  # a fortieth of a period
NOT_SOONER_S: Final = 1.0
MOST_AWAITED: Final = 100  # when a whole town comes back, the next look is soon enough
AT_ONCE: Final = 500  # bands in one transaction, which takes some 20 ms
TRY_AGAIN_S: Final = 1.0  # while the database cannot work
PAUSES: Final = 4  # looks that were not made are a time for which nobody listened

log = get_logger()


def _always() -> bool:
    """Whether bands can be heard, unless somebody says otherwise."""
    return True


class Found(NamedTuple):
    """What a look has shown."""

    now_ms: int
    silences: list[Open]
    outages: list[Known]


class SilenceWatch:
    """The duty of one gateway process; `hears` says whether it could hear a band now."""

    def __init__(
        self,
        context: Context,
        settings: SupervisionSettings,
        hears: Callable[[], bool] = _always,
    ) -> None:
        self._context = context
        self._period_ms = settings.period_s * 1000
        self._rules = Rules(
            settings.outage_bands,
            settings.outage_percent,
            settings.outage_window_s * 1000,
            settings.outage_flood,
        )
        self._hears = hears
        self._faults = SilenceFaults(context)
        self._changes: int | None = None  # of the register, that were followed
        self._problem: str | None = None  # why nobody can be looked after now; None = all are

    async def run(self) -> None:
        """Work for ever."""
        of_silent = self._context.words.of_silent
        await asyncio.sleep(START_S)
        while True:
            of_silent.clear()
            pause_s = await self._round()
            await asyncio.sleep(min(pause_s, NOT_SOONER_S))
            try:
                async with asyncio.timeout(max(pause_s - NOT_SOONER_S, 0)):
                    await of_silent.wait()
            except TimeoutError:
                pass

    async def _round(self) -> float:
        """Look at everybody; how many seconds there is nothing to do, then."""
        if not self._hears():
            return LOOK_AGAIN_S  # nothing is written down: the clock of silence stands still
        self._context.busy += 1
        problem: Exception | None = None
        pause_s = LOOK_AGAIN_S
        try:
            await self._write_down()
            found = await self._look()
            problem = await self._end(found)
            problem = await self._judge(found) or problem
            pause_s = _pause_s(found)
        except Exception as error:  # at the edge of the task: it must go on
            problem = error
        finally:
            self._context.busy -= 1
        self._note(problem)
        return pause_s if problem is None else TRY_AGAIN_S

    async def _write_down(self) -> None:
        """Who wears what, and who spoke since the last look."""
        words = list(self._context.words.take().items())
        transact, now_ms = self._context.database.transact, clock.now_ms()
        changes = self._context.changes
        pause_ms = int(PAUSES * LOOK_AGAIN_S * 1000)
        try:
            paused_ms = await transact(partial(watched_bands.stand_still, now_ms, pause_ms))
            if paused_ms:
                log.info("silence_clock_stood_still", for_s=paused_ms // 1000)
            words = [(who, moved_ms(ms, now_ms, paused_ms)) for who, ms in words]
            if self._changes != changes:  # before the words of bands that are new in it
                if not await self._read(partial(watched_bands.is_followed, self._period_ms)):
                    await self._while_full(watched_bands.look_after, now_ms)
                self._changes = changes
            while words:
                await transact(partial(watched_bands.hear, dict(words[:AT_ONCE])))
                del words[:AT_ONCE]
        except Exception:
            self._context.words.put_back(dict(words))
            raise

    async def _while_full(
        self, work: Callable[[int, int, int, Connection], int], now_ms: int
    ) -> None:
        """Do it by the few hundred: an SOS must not wait for ten thousand bands."""
        done = AT_ONCE
        while done == AT_ONCE:
            done = await self._context.database.transact(
                partial(work, now_ms, self._period_ms, AT_ONCE)
            )

    async def _look(self) -> Found:
        now_ms = clock.now_ms()
        if await self._read(partial(silences.are_unnoticed, now_ms, self._period_ms)):
            await self._while_full(silences.notice, now_ms)
        found = await self._read(partial(_found, now_ms))
        silent = [one.device_id for one in found.silences if one.quiet.state == SILENT]
        self._context.words.awaited = frozenset(silent if len(silent) <= MOST_AWAITED else ())
        return found

    async def _end(self, found: Found) -> Exception | None:
        """End the silences that are over, then the outages that are."""
        ended = [(one, one.event) for one in found.silences if one.event not in (None, DEADLINE)]
        untold = [(one, str(event)) for one, event in ended if one.event_id is None]
        for first in range(0, len(untold), AT_ONCE):
            some = untold[first : first + AT_ONCE]
            await self._context.database.transact(partial(silences.end_untold, some, found.now_ms))
        told = [partial(self._faults.end, one) for one, _ in ended if one.event_id is not None]
        over = [
            partial(self._faults.end_outage, outage, _members(found, outage))
            for outage in found.outages
            if is_over(
                outage.members, outage.still_silent, _calm_ms(found, outage), self._period_ms
            )
        ]
        return await _each(told + over)

    async def _judge(self, found: Found) -> Exception | None:
        """Raise what is due: as an outage if it is one, and else each for itself."""
        due = [one for one in found.silences if one.event == DEADLINE]
        belongs = self._known_outages(found, due)
        for outage in await self._new_outages(
            found, [one for one in due if one.id not in belongs]
        ):
            number = await self._faults.begin_outage(outage)
            belongs |= dict.fromkeys(outage.silences, number)
        members = [one for one in due if one.id in belongs]
        for first in range(0, len(members), AT_ONCE):
            await self._faults.fall_silent(members[first : first + AT_ONCE], belongs)
        return await _each(
            partial(self._faults.begin, one) for one in due if one.id not in belongs
        )

    def _known_outages(self, found: Found, due: Sequence[Open]) -> dict[int, int]:
        """The outage that goes on, by silence: who falls silent where one is belongs to it."""
        since_ms = {
            outage.place: (outage.since_ms - self._rules.window_ms, outage.id)
            for outage in found.outages
        }
        belongs: dict[int, int] = {}
        for one in due:
            there = [since_ms[place] for place in one.places if place in since_ms]
            ids = [id_ for from_ms, id_ in there if one.quiet_since_ms >= from_ms]
            if one.outage_id is not None:
                ids.insert(0, one.outage_id)
            if ids:
                belongs[one.id] = ids[0]
        return belongs

    async def _new_outages(self, found: Found, due: Sequence[Open]) -> list[Outage]:
        """Those that explain a band whose deadline has passed."""
        missing = [
            Missing(one.id, one.quiet_since_ms, one.places)
            for one in found.silences
            if one.quiet.state == MISSING
            and one.outage_id is None
            and one.event in (None, DEADLINE)
        ]
        if not due or len(missing) < self._rules.bands:
            return []
        watched = Counter(await self._read(watched_bands.numbers))
        for one in found.silences:  # that are silent for reasons of their own
            if one.quiet.state == SILENT:
                watched.subtract(one.places)
        ids = {one.id for one in due}
        new = find_outages(missing, watched, self._rules)
        return [outage for outage in new if ids.intersection(outage.silences)]

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._context.database.read() as connection:
            return await connection.run_sync(work)

    def _note(self, error: Exception | None) -> None:
        """Say once what is wrong, and once that it is over."""
        reason = sickness(error) if error is not None else None
        problem = None if error is None else reason or repr(error)
        if problem is not None and problem != self._problem:
            log.error(
                "silent_bands_not_told",
                reason=problem,
                advice="they wait, and are told as soon as it works again",
                exc_info=None if reason else error,
            )
        elif problem is None and self._problem is not None:
            log.info("silent_bands_told_again", after=self._problem)
        self._problem = problem


def _found(now_ms: int, connection: Connection) -> Found:
    return Found(now_ms, silences.all_open(connection, now_ms), outages.going_on(connection))


def _members(found: Found, outage: Known) -> list[Open]:
    """Who is still silent in it."""
    return [one for one in found.silences if one.outage_id == outage.id]


def _calm_ms(found: Found, outage: Known) -> int:
    """Since the last band came back, or since it was told."""
    return found.now_ms - (outage.last_return_ms or outage.raised_ms)


def _pause_s(found: Found) -> float:
    """Until the next deadline, or the next look."""
    left_ms = [
        deadline_ms(one.quiet.period_ms) - one.quiet.quiet_ms
        for one in found.silences
        if one.quiet.state == MISSING and one.event is None
    ]
    return min([LOOK_AGAIN_S, *(ms / 1000 for ms in left_ms)])


async def _each(works: Iterable[Callable[[], Awaitable[object]]]) -> Exception | None:
    """Do all of it; why one could not be done. The others do not wait for it."""
    problem: Exception | None = None
    for work in works:
        try:
            await work()
        except Exception as error:
            problem = error
    return problem
