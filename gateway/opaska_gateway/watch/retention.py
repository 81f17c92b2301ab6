# SPDX-License-Identifier: Apache-2.0
"""Thins what the gateway keeps, as the settings say, so that neither years nor an attacker fill
its disk.

A few rows at a time with a pause after each: an SOS waits for none of them.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.database import retention
from opaska_gateway.database.sickness import sickness
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from opaska_gateway.context import Context
    from opaska_gateway.settings import RetentionSettings

START_S: Final = 600.0  # others are urgent; and a machine that starts may not know the day yet
LOOK_AGAIN_S: Final = 3_600.0
PAUSE_S: Final = 0.1  # 2,000 rows a second: more than anybody can have refused, for long
DAY_MS: Final = 86_400_000

log = get_logger()


class Retention:
    """The duty of one gateway process."""

    def __init__(self, context: Context, settings: RetentionSettings) -> None:
        self._context = context
        self._settings = settings
        # the event up to which all that is old has lost its body
        self._emptied_to = dict.fromkeys((retention.EVERYDAY, retention.EVIDENCE), 0)

    async def run(self) -> None:
        """Work for ever."""
        await asyncio.sleep(START_S)
        while True:
            try:
                await self.round()
            except Exception as error:  # at the edge of the task: it must go on
                reason = sickness(error)
                log.error("not_thinned", reason=reason, exc_info=None if reason else error)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def round(self) -> None:
        """Let go of all that was kept long enough by now."""
        keep, now_ms = self._settings, clock.now_ms()
        refused_ms = now_ms - keep.refused_days * DAY_MS
        wear_ms = now_ms - keep.wear_days * DAY_MS
        frames = await self._drop(
            partial(retention.drop_refused, before_ms=refused_ms, most=keep.refused_most)
        )
        worn = await self._drop(partial(retention.drop_wear, before_ms=wear_ms))
        bodies = await self._empty(retention.EVERYDAY, now_ms - keep.telemetry_days * DAY_MS)
        bodies += await self._empty(retention.EVIDENCE, now_ms - keep.motion_days * DAY_MS)
        if frames or worn or bodies:
            log.info("thinned", refused_frames=frames, worn=worn, bodies=bodies)

    async def _drop(self, some: Callable[[Connection], int]) -> int:
        dropped = 0
        while now := await self._transact(some):
            dropped += now
            await asyncio.sleep(PAUSE_S)
        return dropped

    async def _empty(self, which: retention.Bodies, before_ms: int) -> int:
        """From the oldest event on; what had to stay is looked at again after a restart only."""
        emptied = 0
        while True:
            after_id = self._emptied_to[which]
            async with self._context.database.read() as connection:
                ids, looked_to = await connection.run_sync(
                    retention.with_old_bodies, which, before_ms, after_id
                )
            for first in range(0, len(ids), retention.AT_ONCE):
                some = ids[first : first + retention.AT_ONCE]
                await self._transact(partial(retention.empty, event_ids=some))
                emptied += len(some)
                await asyncio.sleep(PAUSE_S)
            if looked_to == after_id:
                return emptied
            self._emptied_to[which] = looked_to
            await asyncio.sleep(PAUSE_S)

    async def _transact(self, work: Callable[[Connection], int | None]) -> int:
        self._context.busy += 1
        try:
            return await self._context.database.transact(work) or 0
        finally:
            self._context.busy -= 1
