# SPDX-License-Identifier: Apache-2.0
"""Runs a pipeline on a test's heart until every arrival has its outcome."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from opaska_gateway.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from opaska_gateway.context import Context
    from opaska_gateway.intake.arrival import Arrival
    from tests.support.gateway_core import Core, CoreBand


@asynccontextmanager
async def running(pipeline: Pipeline) -> AsyncGenerator[Pipeline]:
    """The pipeline at work."""
    task = asyncio.create_task(pipeline.run())
    try:
        yield pipeline
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def decided(pipeline: Pipeline, arrivals: list[Arrival], timeout_s: float = 30.0) -> None:
    """Submit these together and wait until each is done."""
    left = len(arrivals)
    all_done = asyncio.Event()

    def count_down(done: Callable[[], None]) -> None:
        nonlocal left
        done()
        left -= 1
        if not left:
            all_done.set()

    for arrival in arrivals:
        arrival.done = partial(count_down, arrival.done)
        pipeline.submit(arrival)
    async with asyncio.timeout(timeout_s):
        await all_done.wait()


async def bring(
    heart: Core,
    *sent: tuple[CoreBand, bytes],
    received_ms: int | None = None,
    context: Context | None = None,
    **steps: Any,
) -> None:
    """Bring frames, as one batch, through a pipeline."""
    arrivals = [
        heart.arrival(band, data, received_ms=received_ms, urgent=True) for band, data in sent
    ]
    async with running(Pipeline(context or heart.context, **steps)) as pipeline:
        await decided(pipeline, arrivals)
