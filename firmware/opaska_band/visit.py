# SPDX-License-Identifier: Apache-2.0
# The door for carers: two knocks on the band, and the NFC reader looks for a card. What reads it
# and keeps the visit is in memory only from the knocks until the band was tested (visit_work.py).
#
# Without the accelerometer nobody hears the knocks, so there are no visits.

import asyncio

from micropython import const

from .senses.knock import Knock
from .unload import unload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from opaska_protocol.answers import Answer

    from .band import Band

_BOOT_MS = const(40_000)  # after the start others need the processor and the bus

_PASSING = (
    "opaska_band.visit_work",
    "opaska_band.visit_book",
    "opaska_band.touch",
    "opaska_band.decisions.visit",
    "opaska_band.drivers.ntag424",
    "opaska_band.drivers.pn532",
)


class Visits:
    """`answered` may be called with every answer; `run` is the task."""

    def __init__(self, band: "Band") -> None:
        self.trouble = ""  # what is wrong with the reader now
        self.some = asyncio.Event()  # it was knocked, or an answer came
        self.is_knocked = False
        self.is_reading = False  # the reader has power
        self.deaf_ms = 0  # uptime until which knocks are those of the last touch
        self.rows: "Any" = None  # open visits (decisions/visit.py); None: not read back yet
        self.owed: "list[Any]" = []  # tests of the band (visit_book.py)
        self._band = band
        if band.motion:
            band.motion.knocks, band.motion.on_knock = Knock(), self._knock

    async def run(self) -> None:
        """One look at the reader after the start: a broken one is told before a carer comes."""
        await asyncio.sleep_ms(_BOOT_MS)
        while True:
            self.some.clear()
            await self._work()
            await self.some.wait()

    def answered(self, answer: "Answer") -> None:
        """By the gateway, to a report of this wearer."""
        for owed in self.owed:
            owed.hear(answer, self._band.uptime.ms())
            self.some.set()

    async def _work(self) -> None:
        from .visit_work import work

        try:
            await work(self, self._band)
        finally:
            unload(*_PASSING)

    def _knock(self) -> None:
        if self._band.uptime.ms() >= self.deaf_ms:
            self.is_knocked = True
            self.some.set()
