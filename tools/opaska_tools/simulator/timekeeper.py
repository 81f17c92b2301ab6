# SPDX-License-Identifier: Apache-2.0
"""Who says what time it is in a simulation: the machine, or the clock service (clock.py)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Cancellable(Protocol):
    """A call that lies in the future."""

    def cancel(self) -> None: ...


class Timekeeper(Protocol):
    """Time as everything in the simulation sees it."""

    def now_ms(self) -> float: ...
    def call_later(self, ms: float, function: Callable[[], None]) -> Cancellable: ...
    async def wait_for(self, awaitable: Awaitable[T], within_ms: float) -> T: ...
    async def sleep(self, ms: float) -> None: ...


class RealTime:
    """The machine's monotonic clock, which the simulated boards share."""

    def now_ms(self) -> float:
        return time.monotonic_ns() / 1e6

    def call_later(self, ms: float, function: Callable[[], None]) -> Cancellable:
        return asyncio.get_running_loop().call_later(ms / 1000, function)

    async def wait_for(self, awaitable: Awaitable[T], within_ms: float) -> T:
        """The awaitable's result; TimeoutError when it takes longer."""
        return await asyncio.wait_for(awaitable, within_ms / 1000)

    async def sleep(self, ms: float) -> None:
        await asyncio.sleep(ms / 1000)
