# SPDX-License-Identifier: Apache-2.0
"""Many load bands at once: they reconnect to a broker that may die, and resend until answered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Self

from opaska_tools.bench.load_band import LoadBand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from opaska_tools.stage.registration import Registered

_RETRY_S = 0.05  # between attempts to connect; a real band backs off, a test has no time
_AT_ONCE = 64  # connections being opened at the same time: a listener's queue is short


class Fleet:
    """Keeps every band connected to 127.0.0.1:`port()`, which is asked again after every loss."""

    def __init__(
        self,
        registered: Sequence[Registered],
        port: Callable[[], int],
        *,
        on_stored: Callable[[LoadBand, int, float], None] | None = None,
        on_frame: Callable[[LoadBand, bytes], None] | None = None,
    ) -> None:
        self.bands = [LoadBand(band, on_stored, on_frame) for band in registered]
        self._port = port
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def accepted(self) -> int:
        return sum(band.accepted for band in self.bands)

    @property
    def answered(self) -> int:
        return sum(band.answered for band in self.bands)

    @property
    def waiting(self) -> int:
        return sum(len(band.waiting) for band in self.bands)

    async def connected(self, timeout_s: float = 60.0) -> None:
        """Return when every band has its connection; TimeoutError."""
        async with asyncio.timeout(timeout_s):
            for band in self.bands:
                await band.up.wait()

    def resend(self, older_than_s: float) -> None:
        """Have every band resend what was sent longer ago than that."""
        for band in self.bands:
            band.resend(older_than_s)

    async def drain(self, timeout_s: float, resend_after_s: float) -> bool:
        """Resend until everything is answered; False when the time was not enough."""
        end_s = time.monotonic() + timeout_s
        while self.waiting:
            if time.monotonic() > end_s:
                return False
            self.resend(resend_after_s)
            await asyncio.sleep(0.02)
        return True

    async def _keep(self, band: LoadBand) -> None:
        while True:
            await band.lost.wait()
            try:
                async with self._turn:
                    await band.connect(self._port())
            except (OSError, TimeoutError):
                await asyncio.sleep(_RETRY_S)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._keep(band)) for band in self.bands]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for band in self.bands:
            band.close()
