# SPDX-License-Identifier: Apache-2.0
# The motion around an announced fall, as reports: after the alarm, behind it, and never instead.
#
# Ways out of a window, each of which lets the next one roll: all parts kept in the outbox; nobody
# announced the fall; too much waits to be sent already, or the flash takes no more (a fault). All
# waits end. Until then it is the first fall's: a second one that soon has no motion of its own.

import asyncio

from micropython import const

from opaska_protocol import reports

from .guard import failed
from .unload import unload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .clock import Uptime
    from .faults import Faults
    from .motion_window import MotionWindow
    from .outbox import Outbox
    from .reporter import Reporter

_LOOK_MS = const(1_000)
_FULL_AFTER_S = const(40)  # 20 s of motion, found at the latest by the next drain of the FIFO
_BEHIND_ALARM_S = const(60)  # so long an unanswered alarm is left alone; then the outbox waits
_BETWEEN_MS = const(250)  # two parts: packing and keeping one takes a band some 50 ms
_MOST_WAITING = const(128)  # telemetry: half of what the outbox takes; heartbeats need room too


class Evidence:
    """`felt` at each fall, `settled` when it is raised or cancelled; `run` is the task."""

    def __init__(
        self,
        window: "MotionWindow",
        reporter: "Reporter",
        outbox: "Outbox",
        uptime: "Uptime",
        faults: "Faults",
    ) -> None:
        self._window = window
        self._reporter = reporter
        self._outbox = outbox
        self._uptime = uptime
        self._faults = faults
        self._of_seq: "int | None" = None  # the announcement that the window is about, if any
        self._felt = asyncio.Event()
        self._settled = asyncio.Event()

    def felt(self) -> None:
        """A fall; an earlier one has its window first."""
        if not self._felt.is_set():
            self._of_seq = None
            self._settled.clear()
            self._felt.set()

    def settled(self, of_seq: "int | None") -> None:
        """The announced alarm is made, or will not be: from now on motion is in nobody's way."""
        if not self._settled.is_set():
            self._of_seq = of_seq
            self._settled.set()

    async def run(self) -> None:
        while True:
            await self._felt.wait()
            try:
                await self._wait_full()
                await self._wait_settled()
                if self._of_seq is not None:
                    await self._report()
            except Exception as error:
                failed("evidence", error, self._faults)
            unload("opaska_protocol.motion")
            self._window.release()
            self._felt.clear()

    async def _wait_full(self) -> None:
        for _ in range(_FULL_AFTER_S):
            if self._window.is_full:
                return
            await asyncio.sleep_ms(_LOOK_MS)
        self._window.restart()  # what is missing will not come

    async def _wait_settled(self) -> None:
        try:
            await asyncio.wait_for(self._settled.wait(), reports.MAX_COUNTDOWN_S)
        except asyncio.TimeoutError:
            pass
        for _ in range(_BEHIND_ALARM_S):
            if not self._outbox.urgent:
                break
            await asyncio.sleep_ms(_LOOK_MS)

    async def _report(self) -> None:
        """Packed twice, which saves the room of all parts: how many there are stands in each."""
        parts = 0
        at = 0
        while at < self._window.count:
            _, at = self._part(at)
            parts += 1
            await asyncio.sleep_ms(0)
        if len(self._outbox.telemetry) + parts > _MOST_WAITING:
            self._drop()
            return
        at = 0
        for part in range(parts):
            data, at = self._part(at)
            if not self._keep(part, parts, data):
                self._drop()
                return
            await asyncio.sleep_ms(_BETWEEN_MS)

    def _part(self, at: int) -> "tuple[bytes, int]":
        from opaska_protocol.motion import encode_part

        window = self._window
        return encode_part(window.row, at, window.count, window.impact)

    def _keep(self, part: int, parts: int, data: bytes) -> bool:
        """Without the time, which its announcement has: the body would outgrow a record."""
        fields = {
            "uptime_ms": self._uptime.ms(),
            "of_seq": self._of_seq,
            "part": part,
            "parts": parts,
            "data": data,
        }
        body = reports.encode_report(reports.MOTION, fields)
        return self._reporter.keep(reports.MOTION, body) is not None

    def _drop(self) -> None:
        self._faults.note(reports.REPORTS_DROPPED, "motion")
