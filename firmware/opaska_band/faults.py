# SPDX-License-Identifier: Apache-2.0
# Troubles of the band, noted anywhere and reported by one task: each at most once an hour. While
# many urgent reports wait they wait, too, but for those of the cell, which are never said again.

from micropython import const

from opaska_protocol.reports import BATTERY_LOW, FAULT, LAST_WORDS, REPORTS_DROPPED

from .bell import Bell
from .clock import Uptime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .reporter import Reporter

_AGAIN_AFTER_MS = 3_600_000  # a fault that goes on is worth one report an hour
_REMEMBERED = const(16)  # different faults of an hour; more than this is one bigger trouble
_WAITING = const(16)  # urgent reports; what room is left in the outbox is for alarms
_LOOK_MS = const(60_000)  # whether there is room again
_IDLE_MS = const(3_600_000)


class Faults:
    """`note` from anywhere, also before there is anything to report with; `run` is the task."""

    def __init__(self, uptime: Uptime) -> None:
        self.count = 0  # noted since the start, reported or not
        self._uptime = uptime
        self._noted: "dict[tuple[int, str], int]" = {}  # (code, detail) -> uptime when queued
        self._queue: "list[tuple[int, str]]" = []
        self._some = Bell()

    def note(self, code: int, detail: str = "") -> bool:
        """Whether it will be reported: not so soon again, and of too many only that there are."""
        self.count += 1
        now_ms = self._uptime.ms()
        for fault in list(self._noted):
            if fault not in self._queue and now_ms - self._noted[fault] >= _AGAIN_AFTER_MS:
                del self._noted[fault]
        fault = (code, detail[:32])  # what a report carries
        if fault in self._noted:
            return False
        has_room = BATTERY_LOW <= code <= LAST_WORDS or len(self._noted) < _REMEMBERED
        if not has_room:
            fault = (REPORTS_DROPPED, "faults")
        if fault not in self._noted:
            self._noted[fault] = now_ms
            self._queue.append(fault)
            self._some.set()
        return has_room

    async def run(self, reporter: "Reporter", waiting: "Sequence[Any]") -> None:
        """Report them, for ever; `waiting`: the urgent reports."""
        while True:
            code, detail, noted_ms = await self.take(waiting)
            fields = {"code": code, "detail": detail or None, "uptime_ms": noted_ms}
            reporter.report(FAULT, fields)

    async def take(self, waiting: "Sequence[Any]" = ()) -> "tuple[int, str, int]":
        """(code, detail, uptime of the note) of the next one to report."""
        while True:
            for fault in self._queue:
                if len(waiting) < _WAITING or BATTERY_LOW <= fault[0] <= LAST_WORDS:
                    self._queue.remove(fault)
                    return fault[0], fault[1], self._noted[fault]
            self._some.clear()
            await self._some.wait_ms(_LOOK_MS if self._queue else _IDLE_MS)
