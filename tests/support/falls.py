# SPDX-License-Identifier: Apache-2.0
"""What a band says of a fall, and what the gateway keeps of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from opaska_gateway import clock
from opaska_gateway.care.fall import GRACE_MS
from opaska_gateway.database import tables
from opaska_gateway.watch.raise_falls import FallRaiser
from opaska_protocol import reports
from tests.support.gateway_core import BOOT_UPTIME_MS, Later

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core, CoreBand

COUNTDOWN_MS = reports.COUNTDOWN_S * 1000
PAST_DEADLINE_MS = COUNTDOWN_MS + GRACE_MS + 1_000


def announced(
    band: CoreBand, *, uptime_ms: int = BOOT_UPTIME_MS, deadline_s: int = reports.COUNTDOWN_S
) -> bytes:
    """An announcement; `band.seq` is its number then."""
    fields = {"uptime_ms": uptime_ms, "deadline_s": deadline_s, "peak_mg": 4_200}
    return band.seal(reports.ANNOUNCED_FALL, **fields)


def cancelled(
    band: CoreBand, of_seq: int, reason: int = reports.BY_HAND, uptime_ms: int = BOOT_UPTIME_MS
) -> bytes:
    return band.seal(
        reports.FALL_CANCELLED, uptime_ms=uptime_ms, of_seq=of_seq, reason=reason, after_ms=7_000
    )


def fell(band: CoreBand, of_seq: int, why: int = reports.DEADLINE, **more: Any) -> bytes:
    """The band raises the fall itself."""
    return band.sos(kind=reports.FALL, trigger=reports.SENSOR, of_seq=of_seq, why=why, **more)


async def falls(heart: Core) -> list[Any]:
    """Every announced fall, in order."""
    async with heart.database.read() as connection:
        query = select(tables.announced_fall).order_by(tables.announced_fall.c.id)
        return list((await connection.execute(query)).all())


async def only_fall(heart: Core) -> Any:
    (fall,) = await falls(heart)
    return fall


async def after_deadline(
    heart: Core, by_ms: int = PAST_DEADLINE_MS, context: Context | None = None
) -> None:
    """Let the duty do what is to be done so much later."""
    with clock.driven_by(Later(by_ms)):
        await all_due(FallRaiser(context or heart.context))


async def all_due(raiser: FallRaiser) -> None:
    """Until it has nothing to do."""
    while await raiser._round() == 0:
        pass


@asynccontextmanager
async def raising(context: Context) -> AsyncGenerator[FallRaiser]:
    """The duty at work."""
    raiser = FallRaiser(context)
    task = asyncio.create_task(raiser.run())
    try:
        yield raiser
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
