# SPDX-License-Identifier: Apache-2.0
"""The forwarder at work, between a heart and a centre of a test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opaska_gateway.watch.forward_outbox import Centre, Forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core


@asynccontextmanager
async def forwarding(
    heart: Core, centre: Centre, context: Context | None = None
) -> AsyncGenerator[None]:
    """Until the block ends, as if the gateway was killed then."""
    task = asyncio.create_task(Forwarder(context or heart.context, centre).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
