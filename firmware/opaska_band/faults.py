# SPDX-License-Identifier: Apache-2.0
# Troubles of the band, noted anywhere and reported by one task: each at most once an hour.

import asyncio

from .clock import Uptime

_AGAIN_AFTER_MS = 3_600_000  # a fault that goes on is worth one report an hour
_REMEMBERED = 16  # different faults of an hour; more than this is one bigger trouble


class Faults:
    """`note` from anywhere, also before there is anything to report with; `take` in the task."""

    def __init__(self, uptime: Uptime) -> None:
        self.count = 0  # noted since the start, reported or not
        self._uptime = uptime
        self._noted: "dict[tuple[int, str], int]" = {}  # (code, detail) -> uptime when last queued
        self._queue: "list[tuple[int, str]]" = []
        self._some = asyncio.Event()

    def note(self, code: int, detail: str = "") -> bool:
        """Whether it will be reported: not so soon again."""
        self.count += 1
        fault = (code, detail[:32])  # what a report carries
        now_ms = self._uptime.ms()
        for noted, at_ms in list(self._noted.items()):
            if now_ms - at_ms >= _AGAIN_AFTER_MS:
                del self._noted[noted]
        if fault in self._noted or max(len(self._noted), len(self._queue)) >= _REMEMBERED:
            return False
        self._noted[fault] = now_ms
        self._queue.append(fault)
        self._some.set()
        return True

    async def take(self) -> "tuple[int, str]":
        """(code, detail) of the next fault to report."""
        while not self._queue:
            self._some.clear()
            await self._some.wait()
        return self._queue.pop(0)
