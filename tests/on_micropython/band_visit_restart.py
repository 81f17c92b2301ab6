# SPDX-License-Identifier: Apache-2.0
# visit_book.py through a restart in the minute after a touch: what is known of the way then.

from band_support import BOOT, KEY, KID, channel, faults, folder, outbox, waiting
from single import main

from opaska_band.clock import Uptime, WallTime
from opaska_band.identity import Identity
from opaska_band.reporter import Reporter
from opaska_band.visit_book import Book
from opaska_protocol import reports
from opaska_protocol.answers import STORED, Answer

CARD = b"\x04\xde\x5f\x1e\xac\xc0\x40"


class Idle:
    """A button and an alarm that nobody has touched."""

    state = ""

    def is_down(self):
        return False


class Band:
    place = heartbeat = signals = countdown = None

    def __init__(self, storage, boot):
        self.storage, self.faults = storage, faults()
        self.outbox, self.uptime, self.wall = outbox(storage, self.faults), Uptime(), WallTime()
        self.reporter = Reporter(channel(boot), self.outbox, self.uptime, self.wall)
        self.identity = Identity(KID, 1, KEY, reports.SEALED, "", False)
        self.button = self.sos = Idle()
        self.button.press = Idle()
        self.rows, self.owed = None, []
        self.book = Book(self, self)

    def tests(self):
        return waiting(self.outbox, "t", self.outbox.telemetry, reports.VISIT_TEST)


def test_an_answer_that_comes_after_a_restart_is_no_measure_of_the_way():
    kept = folder()
    before = Band(kept, BOOT)
    before.book.note(CARD, {"proof": None, "taps": 1})
    before.book.settle()
    assert before.tests() == [], "it waits for the answer"
    after = Band(kept, BOOT + 1)
    for owed in after.owed:
        owed.hear(Answer(STORED, 1, BOOT, 1, 1_790_000_000), 41_000)
    after.book.settle()
    [test] = after.tests()
    assert (test["of_boot"], test["of_seq"]) == (BOOT, 1)
    assert "round_trip_ms" not in test, test
    assert after.owed == []


main(globals())
