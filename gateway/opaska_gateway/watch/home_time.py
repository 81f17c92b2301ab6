# SPDX-License-Identifier: Apache-2.0
"""Gives every band the time of its wearer's home: a band knows UTC and the offset that it was
ordered, and which hours are awake ones follows from both. So when summer time begins or ends, or
the wearer has moved, the offset is ordered anew, with the rest of her settings.

A few bands at a time: when a whole country changes its clocks, an SOS waits for none of them.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.database import home_time
from opaska_gateway.database.sickness import sickness
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from opaska_gateway.context import Context

START_S: Final = 60.0  # after a start others have more urgent duties
LOOK_AGAIN_S: Final = 600.0
AT_ONCE: Final = 50  # bands, then the others get their turn
PAUSE_S: Final = 5.0

log = get_logger()


class HomeTime:
    """The duty of one gateway process."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def run(self) -> None:
        """Work for ever."""
        await asyncio.sleep(START_S)
        while True:
            try:
                await self._round()
            except Exception as error:  # at the edge of the task: it must go on
                _say_not_ordered(error)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _round(self) -> None:
        now_ms = clock.now_ms()
        async with self._context.database.read() as connection:
            wrong = await connection.run_sync(home_time.wrong, now_ms)
        for done, assignment_id in enumerate(wrong):
            if done and not done % AT_ONCE:
                await asyncio.sleep(PAUSE_S)
            try:
                await self._correct(assignment_id, now_ms)
            except Exception as error:  # the others must not wait for it
                _say_not_ordered(error)
        if wrong:
            log.info("home_time_ordered", bands=len(wrong))

    async def _correct(self, assignment_id: bytes, now_ms: int) -> None:
        self._context.busy += 1
        try:
            await self._context.database.transact(
                partial(home_time.correct, assignment_id=assignment_id, now_ms=now_ms)
            )
        finally:
            self._context.busy -= 1


def _say_not_ordered(error: Exception) -> None:
    reason = sickness(error)
    log.error("home_time_not_ordered", reason=reason, exc_info=None if reason else error)
