# SPDX-License-Identifier: Apache-2.0
"""Hours without a word, in milliseconds: the duty looks every 30 s of a clock of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway import clock
from opaska_gateway.database import tables
from opaska_gateway.settings import SupervisionSettings
from opaska_gateway.watch.silent_bands import LOOK_AGAIN_S, SilenceWatch
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core, CoreBand

MINUTE_MS = 60_000
STEP_MS = int(LOOK_AGAIN_S * 1000)
PERIOD_MIN = 20
FAULT_MIN = 3 * PERIOD_MIN


class Standing(clock.SystemSource):
    """The machine's clocks, moved by hand alone: however long the machine takes."""

    def __init__(self) -> None:
        self.by_ms = 0
        self._began = super().now_ms(), super().monotonic_s()

    def now_ms(self) -> int:
        return self._began[0] + self.by_ms

    def monotonic_s(self) -> float:
        return self._began[1] + self.by_ms / 1000


class Days:
    """A gateway whose clock is moved by hand."""

    def __init__(self, heart: Core, source: Standing) -> None:
        self.heart = heart
        self.source = source
        self.hears = True
        self.watch = self.new_watch(heart.context)
        self.problems: list[str] = []

    def new_watch(self, context: Context, **settings: int) -> SilenceWatch:
        """The duty of another process, or of one that has other settings."""
        return SilenceWatch(context, SupervisionSettings(**settings), lambda: self.hears)

    async def look(self) -> None:
        await self.watch._round()
        if self.watch._problem is not None:
            self.problems.append(self.watch._problem)

    async def pass_minutes(
        self, minutes: float, speaking: Sequence[CoreBand] = (), every_min: float = 5
    ) -> None:
        """So long; these bands go on with their heartbeats."""
        spoke_ms = -every_min * MINUTE_MS
        step_ms = STEP_MS if minutes < 10 else MINUTE_MS  # a look may be late
        for at_ms in range(0, int(minutes * MINUTE_MS), step_ms):
            if speaking and at_ms - spoke_ms >= every_min * MINUTE_MS:
                spoke_ms = at_ms
                await bring(self.heart, *((band, band.heartbeat()) for band in speaking))
            await self.look()
            self.source.by_ms += step_ms
        await self.look()

    def skip(self, minutes: float) -> None:
        """As while the gateway is down."""
        self.source.by_ms += int(minutes * MINUTE_MS)

    async def restart(self) -> None:
        """kill -9, and a new process on the same database."""
        self.heart.context = self.heart.new_context()
        self.watch = self.new_watch(self.heart.context)

    async def silences(self) -> list[Any]:
        async with self.heart.database.read() as connection:
            query = select(tables.silence).order_by(tables.silence.c.id)
            return list((await connection.execute(query)).all())

    async def states(self) -> dict[bytes, str]:
        """Of each band's newest silence."""
        return {one.device_id: one.state for one in await self.silences()}

    async def outages(self) -> list[Any]:
        return await self.heart.rows("SELECT * FROM outage ORDER BY id")

    async def told(self) -> list[tuple[str, bool]]:
        """(kind, whether its end) of what waits for the centre."""
        rows = await self.heart.rows(
            "SELECT payload ->> 'kind', payload ->> 'restore' FROM outbox ORDER BY id"
        )
        return [(kind, bool(restore)) for kind, restore in rows]

    async def change(self, statement: str, **values: Any) -> None:
        """As a command beside the gateway does, which it notices."""
        from sqlalchemy import text

        work: Callable[[Any], None] = lambda connection: connection.execute(  # noqa: E731
            text(statement), values
        ).close()
        await self.heart.database.transact(work)
        await self.heart.context.changed_elsewhere()


@contextmanager
def days(heart: Core) -> Generator[Days]:
    """Begins now, with a duty that has not looked yet."""
    source = Standing()
    with clock.driven_by(source):
        here = Days(heart, source)
        yield here
    assert here.problems == []
