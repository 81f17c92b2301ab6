# SPDX-License-Identifier: Apache-2.0
"""The monitoring centre as the gateway sees it: receivers in order, signals of an account in turn.

One slow receiver must not hold up other signals: after its first silence others go first, and a
signal waits for an earlier one of its account for `patience_s` at most.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opaska_gateway.centre.dc09_sender import Dc09Path
from opaska_gateway.centre.interface import OUTCOMES, Delivery
from opaska_gateway.centre.profiles import load_profiles
from opaska_gateway.centre.supervision import supervise
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from opaska_gateway.centre.interface import Path, PathHealth, Signal
    from opaska_gateway.centre.settings import CentreSettings

log = get_logger()


class Centre:
    """Delivers signals. `now_ms` gives UTC in ms; everything else takes time from the loop."""

    def __init__(self, settings: CentreSettings, now_ms: Callable[[], int]) -> None:
        profiles = load_profiles(settings.profiles_file)
        self._patience_s = settings.patience_s
        self._longest_s = settings.longest_s
        self._paths: tuple[Path, ...] = tuple(
            Dc09Path(receiver, profiles[receiver.profile], now_ms)
            for receiver in settings.receiver
        )
        # (account, whether a trouble) -> the newest such signal is done
        self._latest: dict[tuple[str, bool], asyncio.Event] = {}

    @property
    def longest_s(self) -> float:
        """No delivery takes longer."""
        return self._longest_s

    async def deliver(self, signal: Signal) -> Delivery:
        """Try every receiver for a bounded time, the answering ones first.

        Returns the best that was reached; trying again later is the outbox's business.
        """
        async with self._turn(signal.account, trouble=signal.trouble):
            return await self._try_paths(signal)

    async def run(self) -> None:
        """Test the lines until cancelled, then close them."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for path in self._paths:
                    if path.supervision_s is not None:
                        tasks.create_task(supervise(path), name=f"supervise {path.name}")
                await asyncio.get_running_loop().create_future()  # until cancelled
        finally:
            await self.close()

    async def close(self) -> None:
        """Close idle connections."""
        for path in self._paths:
            await path.close()

    def health(self) -> tuple[PathHealth, ...]:
        """How each receiver is doing, in the configured order."""
        return tuple(path.health() for path in self._paths)

    async def _try_paths(self, signal: Signal) -> Delivery:
        tried: list[Delivery] = []
        for path in sorted(self._paths, key=lambda path: path.avoided):
            tried.append(await _tried(path, signal))
            if tried[-1].arrived:
                return tried[-1]
        if not tried:
            return Delivery(
                "unreachable", "", "no receiver is configured: add a [[centre.receiver]] table"
            )
        best = min(tried, key=lambda delivery: OUTCOMES.index(delivery.outcome))
        detail = "; ".join(f"{each.receiver}: {each.detail}" for each in tried)
        return Delivery(best.outcome, best.receiver, detail)

    @asynccontextmanager
    async def _turn(self, account: str, *, trouble: bool) -> AsyncGenerator[None]:
        """Wait for the account's earlier signal, but only as long as order is worth it.

        An alarm never waits for a trouble.
        """
        queue = (account, trouble)
        earlier = self._latest.get(queue)
        done = self._latest[queue] = asyncio.Event()
        try:
            if earlier is not None:
                try:
                    async with asyncio.timeout(self._patience_s):
                        await earlier.wait()
                except TimeoutError:
                    pass  # help goes before order
            yield
        finally:
            done.set()
            if self._latest.get(queue) is done:
                del self._latest[queue]


async def _tried(path: Path, signal: Signal) -> Delivery:
    try:
        return await path.send(signal)
    except Exception as error:  # our own fault on one path must not cost the next one its turn
        log.error("centre_path_failed", receiver=path.name, exc_info=error)
        return Delivery("unreachable", path.name, f"our own error: {error!r}")
