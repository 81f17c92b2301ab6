# SPDX-License-Identifier: Apache-2.0
# One touch of a carer's card, from the search for it until it stands in the book of visits: does
# what decisions/visit.py decides. A tick is felt for each time that the card is seen.
#
# Ways out: nothing came, or came again, for three seconds; half a minute is over, or four cards;
# an SOS or a fall; the reader breaks. In each of them what was read is kept.

import asyncio

from micropython import const

from .decisions import visit
from .drivers.ntag424 import read_proof
from .drivers.pn532 import CardError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .band import Band
    from .drivers.pn532 import PN532
    from .visit_book import Book

_LOOK_MS = const(100)  # between two looks for the card
_LONGEST_MS = const(30_000)
_GIVE_WAY_MS = const(5_000)  # to an SOS, before the flash is written
_GIVEN_MS = const(100)


class Touch:
    def __init__(self, band: "Band", book: "Book", reader: "PN532") -> None:
        self._band = band
        self._book = book
        self._reader = reader
        self._found: "bytes | None" = None  # the card that was seen last
        self._card = b""  # whose touch this is; none yet
        self._proof: "bytes | None" = None
        self._taps = 0
        self._cards = 0  # that were kept
        self._is_warned = False  # that a card's number is no name
        self._begun_ms = self._since_ms = band.uptime.ms()  # of the touch, of the latest tap

    async def run(self) -> None:
        """NfcError when the reader broke."""
        state = visit.SEEKING
        try:
            while state != visit.OVER:
                state, what = visit.step(state, await self._look())
                if what == visit.KEEP_AND_READ:
                    await self._keep()
                if what in (visit.READ, visit.KEEP_AND_READ) and not await self._read():
                    state, what = visit.step(state, visit.TORN)
                if what == visit.COUNT:
                    self._count()
                elif what == visit.REFUSE:
                    self._book.say("not_read")
        finally:
            if self._taps:
                await self._keep()

    async def _look(self) -> int:
        """What happens next."""
        now_ms = self._band.uptime.ms()
        is_late = now_ms - self._since_ms >= visit.TOUCH_MS
        is_last = self._cards >= visit.MOST_OPEN - 1 or self._taps >= visit.MOST_TAPS
        is_long = now_ms - self._begun_ms >= _LONGEST_MS
        if is_late or is_long or is_last or self._book.is_urgent():
            return visit.LATE
        await asyncio.sleep_ms(_LOOK_MS)
        self._found = self._named(await self._reader.find(0))
        if self._found is None:
            return visit.NOTHING
        return visit.CARD if self._card in (b"", self._found) else visit.OTHER

    def _named(self, found: "bytes | None") -> "bytes | None":
        """That card, if its number is the same next time; else it is felt once as not read."""
        if found and visit.is_drawn(found):
            if not self._is_warned:
                self._book.say("not_read")
            self._is_warned = True
            return None
        return found

    async def _read(self) -> bool:
        """False: the card went away meanwhile."""
        self._since_ms = self._band.uptime.ms()
        self._card = b""
        try:
            self._proof = await read_proof(self._reader)
        except CardError:
            return False
        self._card = self._found or b""
        self._count()
        return True

    def _count(self) -> None:
        self._since_ms = self._band.uptime.ms()
        self._taps += 1
        self._book.say("visit_tick")

    async def _keep(self) -> None:
        """What was read; an SOS has the processor and the flash first."""
        given_ms = 0
        while self._book.is_urgent() and given_ms < _GIVE_WAY_MS:
            await asyncio.sleep_ms(_GIVEN_MS)
            given_ms += _GIVEN_MS
        taps, self._taps = self._taps, 0
        self._cards += 1
        self._book.note(self._card, {"proof": self._proof, "taps": taps})
