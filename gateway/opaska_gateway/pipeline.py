# SPDX-License-Identifier: Apache-2.0
"""The journey of a report through the gateway. STEPS is its table of contents.

A batch is what came while the one before it was worked on: one when idle, many in a flood. It is
verified; deduped, stored, noted, announced, raised and forwarded in ONE transaction; acknowledged
after COMMIT.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from opaska_gateway.batch import Batch, Refusal
from opaska_gateway.database.refused import keep_refused
from opaska_gateway.database.sickness import sickness
from opaska_gateway.lanes import Lanes
from opaska_gateway.logs import get_logger
from opaska_gateway.steps.acknowledge import acknowledge
from opaska_gateway.steps.announce import announce
from opaska_gateway.steps.dedupe import dedupe
from opaska_gateway.steps.forward import forward
from opaska_gateway.steps.hear import hear
from opaska_gateway.steps.note_visit import note_visit
from opaska_gateway.steps.note_wear import note_wear
from opaska_gateway.steps.raise_case import raise_case
from opaska_gateway.steps.store import store
from opaska_gateway.steps.verify import verify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.intake.arrival import Arrival

    Before = Callable[[Batch, Context], Awaitable[None]]
    Together = Callable[[Batch, Context, Connection], None]
    After = Callable[[Batch, Context], None]

BEFORE: Final[tuple[Before, ...]] = (verify,)
TOGETHER: Final[tuple[Together, ...]] = (
    dedupe,
    store,
    note_wear,
    note_visit,
    announce,
    raise_case,
    forward,
)  # one transaction
AFTER: Final[tuple[After, ...]] = (acknowledge, hear)  # only when COMMIT has returned
STEPS: Final = (*BEFORE, *TOGETHER, *AFTER)

RETRY_FIRST_S: Final = 0.5  # a lock of another program is short
RETRY_LAST_S: Final = 10.0  # a full disk is noticed as freed within this time
HANGS_S: Final = 10.0  # a transaction takes milliseconds; a disk or server may stall without error

log = get_logger()


class Pipeline:
    """Takes arrivals and brings each to its outcome."""

    def __init__(
        self,
        context: Context,
        before: Sequence[Before] = BEFORE,
        together: Sequence[Together] = TOGETHER,
        after: Sequence[After] = AFTER,
    ) -> None:
        self._context = context
        self._before = before
        self._together = together
        self._after = after
        self._lanes = Lanes(context.allowance)
        self._came = asyncio.Event()
        self.sick: str | None = None  # why nothing can be stored now; None = it can

    @property
    def waiting(self) -> int:
        """Arrivals that are in no batch yet."""
        return len(self._lanes)

    @property
    def dropped(self) -> int:
        """Arrivals of noisy bands that found no room, since the start; their bands repeat them."""
        return self._lanes.dropped

    def submit(self, arrival: Arrival) -> None:
        """Take an arrival; its `done` is called when its outcome is decided."""
        self._lanes.put(arrival)
        self._came.set()

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._came.wait()
            arrivals = self._lanes.take()
            if not self._lanes:
                self._came.clear()
            if arrivals:
                await self._work(arrivals)

    async def _work(self, arrivals: list[Arrival]) -> None:
        self._context.busy += 1
        try:
            await self._bring(arrivals)
        finally:
            self._context.busy -= 1

    async def _bring(self, arrivals: list[Arrival]) -> None:
        """Bring arrivals to their outcome: together, or one by one if that fails."""
        try:
            await self._when_healthy(arrivals)
        except Exception as error:
            if len(arrivals) == 1:
                await self._give_up(arrivals[0], error)
            else:
                log.warning("batch_failed", reports=len(arrivals), problem=repr(error))
                for arrival in arrivals:
                    await self._bring([arrival])
            return
        for arrival in arrivals:
            arrival.done()

    async def _when_healthy(self, arrivals: list[Arrival]) -> None:
        """Try until the database works: nothing is answered, and nothing is lost, before."""
        pause_s = RETRY_FIRST_S
        while True:
            try:
                await self._attempt(Batch(arrivals))
            except Exception as error:
                reason = sickness(error)
                if reason is None:
                    self._note_well()  # the database works, this batch does not
                    raise
                self._note_sick(reason, str(error.__cause__ or error))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_LAST_S)
            else:
                self._note_well()
                return

    async def _attempt(self, batch: Batch) -> None:
        for before in self._before:
            await before(batch, self._context)
        hangs = ("the database does not answer", f"no word of it for {HANGS_S:g} s")
        alarm = asyncio.get_running_loop().call_later(HANGS_S, self._note_sick, *hangs)
        try:
            await self._context.database.transact(partial(self._transaction, batch))
        except Exception:
            self._context.dating.forget()
            raise
        finally:
            alarm.cancel()
        for after in self._after:
            after(batch, self._context)

    def _transaction(self, batch: Batch, connection: Connection) -> None:
        for step in self._together:
            step(batch, self._context, connection)
        keep_refused(connection, batch.refusals)

    async def _give_up(self, arrival: Arrival, error: Exception) -> None:
        """Our own failure with one report: a human must look, the band goes on sending it."""
        log.error("report_failed", kid=arrival.kid_hex, exc_info=error)
        self._context.count("refused.not_storable")
        refusal = Refusal(arrival, "not_storable")
        try:
            await self._context.database.transact(partial(_keep, refusal))
        except Exception as failure:
            log.error("refusal_not_kept", kid=arrival.kid_hex, problem=repr(failure))
        arrival.done()

    def _note_sick(self, reason: str, problem: str) -> None:
        if self.sick != reason:
            log.error(
                "nothing_can_be_stored",
                reason=reason,
                problem=problem,
                advice="bands are not answered and keep their reports; storing goes on by itself",
            )
        self.sick = reason

    def _note_well(self) -> None:
        if self.sick is not None:
            log.info("stored_again", after=self.sick)
        self.sick = None


def _keep(refusal: Refusal, connection: Connection) -> None:
    keep_refused(connection, [refusal])
