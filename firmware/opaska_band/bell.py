# SPDX-License-Identifier: Apache-2.0
# What one task waits for, but not for ever. asyncio's own way to do so takes two more tasks and
# four coroutines, 740 bytes of the heap for as long as it lasts; this takes none.

import asyncio.core  # pyright: ignore[reportMissingImports] - its stubs are in one file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Bell:
    """`set` and `clear` as of an asyncio.Event; not for interrupts."""

    def __init__(self) -> None:
        self._rings = False
        self._waiter: "Any" = None  # the task; while it is there, it sleeps

    def set(self) -> None:
        self._rings = True
        if self._waiter:
            queue: "Any" = getattr(asyncio.core, "_task_queue")  # noqa: B009 - no name of ours
            queue.remove(self._waiter)
            queue.push(self._waiter)  # to run at once
            self._waiter = None

    def clear(self) -> None:
        self._rings = False

    async def wait_ms(self, ms: int) -> None:
        """Until it rings, or so long."""
        if not self._rings:
            self._waiter = asyncio.current_task()
            try:
                await asyncio.sleep_ms(ms)
            finally:
                self._waiter = None
