# SPDX-License-Identifier: Apache-2.0
"""Raises announced falls that nobody has settled by their deadline: the band may be broken.

Deadlines are rows, by the gateway's own clock, so a gateway that starts again goes on with them.
Each fall is raised in a transaction of its own that looks at it again: once, whoever else tries,
and one that fails holds up no other. Bands take turns, so that no flood of falls from one of them
delays another's.

A cancel may be on its way here while the gateway was away or could not store: what has waited is
stored first.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from opaska_gateway import clock
from opaska_gateway.care.alarm_kinds import signal_kind
from opaska_gateway.database import cases, falls, outbox
from opaska_gateway.database.sickness import sickness
from opaska_gateway.logs import get_logger, journey
from opaska_gateway.ringing import ring
from opaska_protocol.answers import STORED
from opaska_protocol.reports import ALARM, FALL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.database.cases import Case, Told
    from opaska_gateway.database.falls import Overdue
    from opaska_gateway.ringing import Rung

ALARM_KIND: Final = (ALARM, FALL)  # as which a case holds it
START_S: Final = 5.0  # after a start: the broker hands over what it kept, bands connect again
LOOK_AGAIN_S: Final = 10.0  # another gateway may have stored one, and died before its deadline
TRY_AGAIN_S: Final = 1.0  # what could not be raised, and all while the database cannot work

log = get_logger()


class Raised(NamedTuple):
    """What is to be told of a fall once it is committed."""

    fall: Overdue
    rung: Rung
    told: list[Told]


class StoringWaits(Exception):
    """Reports wait for the database, and an end may be among them."""


def _never() -> None:
    """What keeps reports from being stored, unless somebody says otherwise."""


class FallRaiser:
    """The duty of one gateway process; `sick` says why reports cannot be stored now, or None."""

    def __init__(self, context: Context, sick: Callable[[], str | None] = _never) -> None:
        self._context = context
        self._sick = sick
        self._problem: str | None = None  # why falls cannot be raised now; None = they can
        self._later: dict[int, float] = {}  # falls that failed: when (s) they are tried again

    async def run(self) -> None:
        """Work for ever."""
        await asyncio.sleep(START_S)
        while True:
            self._context.falls_announced.clear()
            pause_s = await self._round()
            try:
                async with asyncio.timeout(pause_s):
                    await self._context.falls_announced.wait()
            except TimeoutError:
                pass

    async def _round(self) -> float:
        """Raise the next due fall of each band; after how many seconds to look again."""
        self._context.busy += 1
        try:
            return await self._raise_due()
        except Exception as error:  # at the edge of the task: it must go on
            self._note(error)
            return TRY_AGAIN_S
        finally:
            self._context.busy -= 1

    async def _raise_due(self) -> float:
        now_s = clock.monotonic_s()
        self._later = {fall: at_s for fall, at_s in self._later.items() if at_s > now_s}
        async with self._context.database.read() as connection:
            due, next_s = await connection.run_sync(_due, self._later)
        problem: Exception | None = None
        for fall_id in due:
            error = await self._attempt(fall_id)
            if error is not None:
                problem = error
                self._later[fall_id] = now_s + TRY_AGAIN_S
        if problem is not None or not self._later:
            self._note(problem)
        if problem is not None and _is_general(problem):
            return TRY_AGAIN_S
        return 0.0 if due else min([next_s, *(at_s - now_s for at_s in self._later.values())])

    async def _attempt(self, fall_id: int) -> Exception | None:
        """Raise one; why it could not be."""
        sick = self._sick()
        if sick is not None:
            return StoringWaits(sick)
        try:
            raised = await self._context.database.transact(partial(_raise, fall_id))
        except Exception as error:  # the others must not wait for it
            return error
        if raised is not None:
            self._context.count("falls_raised")
            self._context.outbox_ready.set()
            _tell(raised)
            await self._context.resender.tell(raised.told)
        return None

    def _note(self, error: Exception | None) -> None:
        """Say once what is wrong, and once that it is over."""
        waits = isinstance(error, StoringWaits)
        reason = str(error) if waits else sickness(error) if error is not None else None
        problem = None if error is None else reason or repr(error)
        if problem is not None and problem != self._problem:
            log.error(
                "falls_not_raised",
                reason=problem,
                advice="they wait, and are raised as soon as it works again",
                exc_info=None if reason else error,
            )
        elif problem is None and self._problem is not None:
            log.info("falls_raised_again", after=self._problem)
        self._problem = problem


def _due(connection: Connection, but: Collection[int]) -> tuple[list[int], float]:
    """(falls to be raised now, seconds until the next one may be)"""
    now_ms = clock.now_ms()
    next_ms = falls.next_due_ms(connection, now_ms)
    next_s = LOOK_AGAIN_S if next_ms is None else min((next_ms - now_ms) / 1000, LOOK_AGAIN_S)
    return falls.due(connection, now_ms, but), next_s


def _is_general(error: Exception) -> bool:
    """Whether no other fall could be raised either."""
    return isinstance(error, StoringWaits) or sickness(error) is not None


def _raise(fall_id: int, connection: Connection) -> Raised | None:
    """Raise an announced fall; None if it was settled meanwhile."""
    fall = falls.overdue(connection, fall_id)
    if fall is None:
        return None
    now_ms = clock.now_ms()
    rung = ring(connection, fall.whose, _open_case(connection, fall), ALARM_KIND)
    falls.raise_fall(connection, fall, rung.case.id, now_ms)
    kind = signal_kind(*ALARM_KIND)
    owner = fall.whose.organisation_id
    row = outbox.new_row(owner, outbox.CENTRE, fall.event_id, kind, now_ms)
    outbox.add(connection, [row | {"case_id": rung.case.id}])
    told: list[Told] = []
    if rung.answer_state > STORED:
        told = cases.advance_answers(connection, rung.answer_state, event_id=fall.event_id)
    return Raised(fall, rung, told)


def _open_case(connection: Connection, fall: Overdue) -> Case | None:
    """Of its wearer, or of the band if nobody wore it."""
    person, device = fall.whose.person_id, fall.whose.device_id
    found = cases.open_cases(connection, {person} if person else (), () if person else {device})
    return found.get(person or device)


def _tell(raised: Raised) -> None:
    fall, case_id = raised.fall, raised.rung.case.id.hex()
    kid, boot, seq = fall.kid.hex(), fall.boot, fall.seq
    log.warning("fall_raised", kid=kid, boot=boot, seq=seq, case=case_id)
    journey("raised", kid=kid, boot=boot, seq=seq)
    if raised.rung.opened:
        journey("case_opened", kid=kid, boot=boot, seq=seq, case=case_id)
