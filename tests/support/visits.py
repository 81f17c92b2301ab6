# SPDX-License-Identifier: Apache-2.0
"""Whole visits for tests of the gateway: from sealed reports to the list."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.registry import carers, visits
from opaska_gateway.registry.change import Change
from tests.support.carers import add_card, touch
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.support.cards import Ntag424
    from tests.support.gateway_core import Core, CoreBand

MINUTE = 60_000
HOUR = 60 * MINUTE


@asynccontextmanager
async def changing(heart: Core, at_ms: int | None = None) -> AsyncGenerator[Change]:
    async with heart.database.write() as connection:
        yield Change(connection, heart.vault, "os:tester", at_ms or clock.now_ms())


async def listed(heart: Core, **more: Any) -> list[dict[str, Any]]:
    now = clock.now_ms()
    async with heart.database.read() as connection:
        since = now - 24 * HOUR
        return await visits.list_all(connection, heart.vault, since, now, now, **more)


async def carer(heart: Core, band: CoreBand, name: str, *cards: Ntag424 | bytes) -> bytes:
    async with changing(heart) as change:
        carer_id = await carers.add(change, {"name": name})
    for card in cards:
        await add_card(heart, band, card, carer_id)
    return carer_id


def at(ms: int, now: int) -> dict[str, Any]:
    """As a band says that knows the time; it started a day ago."""
    return {"time": [3, ms // 1000, 1], "uptime_ms": 24 * HOUR + ms - now}


def iso(minutes_ago: int) -> str:
    """A time as people write it."""
    then = (clock.now_ms() - minutes_ago * MINUTE) / 1000
    return datetime.fromtimestamp(then, UTC).isoformat()


async def visit(
    heart: Core, band: CoreBand, card: Ntag424 | bytes, ago_min: int, minutes: int, **more: Any
) -> int:
    """One that began so long ago; the number of its first report."""
    now = clock.now_ms()
    begun, ended = now - ago_min * MINUTE, now - (ago_min - minutes) * MINUTE
    first = touch(band, card, **at(begun, now), **more)
    seq = band.seq
    await bring(heart, (band, first), received_ms=begun)
    last = touch(band, card, begins=False, of_seq=seq, **at(ended, now))
    await bring(heart, (band, last), received_ms=ended)
    return seq
