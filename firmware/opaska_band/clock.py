# SPDX-License-Identifier: Apache-2.0
# Uptime in ms that never wraps, and the wall time as far as the gateway's answers tell it.
# Wall time is only ever reported, with its error; nothing is decided by it. And when it wakes
# anyway.

import asyncio
import time

from micropython import const

from opaska_protocol.reports import TIME_GATEWAY

_WORST_ROUND_MS = const(60_000)  # an answer that came later says too little about the time
_FEED_MS = const(15_000)  # half of the watchdog's time (boot.py): each feeding wakes us
_DRIFT_PPM = const(500)  # in light sleep an RC oscillator keeps the time; a crystal is good for 40


def until_feed_ms() -> int:
    """Until the watchdog is fed next: who is in no hurry looks then."""
    ticks: int = time.ticks_ms()  # pyright: ignore[reportAssignmentType] - a number on the chip
    return _FEED_MS - ticks % _FEED_MS


class Uptime:
    """Milliseconds since the start; ask at least every six days: half a period of the ticks."""

    def __init__(self) -> None:
        self._ticks = time.ticks_ms()
        self._ms = 0

    def ms(self) -> int:
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._ms

    def at(self, ticks: int) -> int:
        """The uptime at a recent value of time.ticks_ms()."""
        return self.ms() - time.ticks_diff(self._ticks, ticks)


class WallTime:
    """Learned from answers: the gateway stamped each between our sending and its arrival."""

    def __init__(self) -> None:
        self.known = asyncio.Event()
        self._offset_ms = 0  # wall time minus uptime
        self._error_ms = 0  # at `_learned_ms`
        self._learned_ms = 0

    def learn(self, unix_s: int, sent_ms: int, arrived_ms: int) -> None:
        """An answer stamped `unix_s`, to a report sent and an answer arrived at these uptimes."""
        round_ms = arrived_ms - sent_ms
        error_ms = (round_ms + 1_000) // 2  # `unix_s` has lost up to a second
        if round_ms > _WORST_ROUND_MS:
            return
        if self.known.is_set() and self._error_at(arrived_ms) < error_ms:
            return
        self._offset_ms = unix_s * 1_000 + 500 - (sent_ms + arrived_ms) // 2
        self._error_ms = error_ms
        self._learned_ms = arrived_ms
        self.known.set()

    def report(self, uptime_ms: int) -> "list[int] | None":
        """[source, unix seconds, error in seconds] as reports carry it, or None while unknown."""
        if not self.known.is_set():
            return None
        error_s = (self._error_at(uptime_ms) + 999) // 1_000
        return [TIME_GATEWAY, (self._offset_ms + uptime_ms) // 1_000, error_s]

    def _error_at(self, uptime_ms: int) -> int:
        return self._error_ms + abs(uptime_ms - self._learned_ms) * _DRIFT_PPM // 1_000_000
