# SPDX-License-Identifier: Apache-2.0
"""One deed on its way: which stations of its tale it passed, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opaska_tools.demo.tales import NEEDS, SOS

if TYPE_CHECKING:
    from opaska_tools.demo.tales import Tale

_PATIENCE_S = 60.0


class Journey:
    """Times in ms of time.monotonic(), counted from the first station: the deed itself."""

    def __init__(self, begun_ms: float, tale: Tale = SOS) -> None:
        self.tale = tale
        self.arrived = asyncio.Event()
        self._begun_ms = begun_ms
        self._passed = {next(iter(tale.stations)): begun_ms}
        self._words: dict[str, str] = {}  # what was learnt at a station
        self._news = asyncio.Event()

    def passes(self, station: str, at_ms: float, words: str = "") -> None:
        """Note a station; it keeps its first time, and what lies before the deed is not ours."""
        if station not in self.tale.stations or at_ms < self._begun_ms:
            return
        needed = NEEDS.get(station)
        if needed in self.tale.stations and needed not in self._passed:
            return
        if self._passed.setdefault(station, at_ms) == at_ms and words:
            self._words[station] = words
        self._news.set()
        if self.missing() is None:
            self.arrived.set()

    async def reaches(self, station: str) -> None:
        """Wait for it; TimeoutError in words for whoever watches."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while station not in self._passed:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"{station} was not reached; has it power, and a link?") from None

    def elapsed_ms(self, station: str) -> float | None:
        """Since the deed; None while it was not there."""
        at_ms = self._passed.get(station)
        return None if at_ms is None else at_ms - self._begun_ms

    def words(self, station: str) -> str:
        """What was learnt there, or else what happens there."""
        return self._words.get(station, self.tale.stations[station])

    @property
    def has_left(self) -> bool:
        """Whether anything came of the deed."""
        return len(self._passed) > 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more need come: in a taken case the wrist goes on feeling "taken"."""
        return self.arrived.is_set() or "accepted" in self._passed

    def missing(self) -> str | None:
        """The first station that was not passed."""
        return next((name for name in self.tale.stations if name not in self._passed), None)

    @property
    def total_ms(self) -> float:
        """From the deed to the last station so far."""
        return max(self._passed.values()) - self._begun_ms
