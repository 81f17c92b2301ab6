# SPDX-License-Identifier: Apache-2.0
# What there is to do after the knocks: the touch of a card, and then the test of the band, until
# nothing is owed any more. After the start there is no knock: then the reader shows that it works.

import asyncio

from micropython import const

from opaska_protocol import reports

from .drivers.pn532 import PN532, NfcError
from .touch import Touch
from .visit_book import Book

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .band import Band
    from .visit import Visits

_LOOK_MS = const(5_000)  # whether the answer is late, or the fix that is sought has come
# Knocks are felt when the accelerometer is drained, which may be four seconds later.
_DEAF_MS = const(5_000)


async def work(visits: "Visits", band: "Band") -> None:
    """Until nothing is to be done."""
    book = Book(visits, band)
    await _use_reader(visits, band, book)
    while True:
        book.settle()
        if not visits.owed:
            return
        try:
            await asyncio.wait_for_ms(visits.some.wait(), _LOOK_MS)
        except asyncio.TimeoutError:
            pass
        visits.some.clear()
        if visits.is_knocked:
            await _use_reader(visits, band, book)


async def _use_reader(visits: "Visits", band: "Band", book: Book) -> None:
    """A trouble of it is told once when it breaks, or breaks in another way."""
    board = band.board
    reader, trouble = PN532(board.i2c, board.nfc_irq, board.nfc_reset), ""
    visits.is_reading = True
    try:
        if visits.is_knocked:
            await Touch(band, book, reader).run()
        else:
            await reader.find(0)
        trouble = reader.trouble
    except NfcError as error:
        trouble = error.args[0]
    finally:
        reader.off()
        visits.is_knocked = visits.is_reading = False
    if trouble and trouble != visits.trouble:
        band.faults.note(reports.NFC, trouble)
    visits.trouble = trouble
    if book.is_new:
        book.is_new = False
        visits.deaf_ms = band.uptime.ms() + _DEAF_MS
