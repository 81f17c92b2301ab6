# SPDX-License-Identifier: Apache-2.0
# Faults while many urgent reports wait: what becomes of them, with the real reporter and outbox.

import asyncio

from band_support import BOOT, channel, faults, folder, outbox, settle, waiting
from single import main

from opaska_band.clock import Uptime, WallTime
from opaska_band.reporter import Reporter
from opaska_band.storage import Storage
from opaska_protocol import reports
from opaska_protocol.answers import STORED, Answer

HOUR_MS = 3_600_000


class Band:
    """Its reports alone."""

    def __init__(self, storage=None):
        self.faults = faults()
        self.outbox = outbox(storage or folder(), self.faults)
        self.uptime = Uptime()
        self.reporter = Reporter(channel(BOOT), self.outbox, self.uptime, WallTime())
        self.task = asyncio.create_task(self.faults.run(self.reporter, self.outbox.urgent))

    def sos(self):
        return self.reporter.report(reports.ALARM, {"kind": reports.SOS, "trigger": reports.HOLD})

    def told(self):
        """Faults that wait in the outbox: [(code, detail, uptime_ms), ...]"""
        found = waiting(self.outbox, "a", self.outbox.urgent, reports.FAULT)
        return [(one["code"], one.get("detail", ""), one["uptime_ms"]) for one in found]

    def stored(self, count):
        for _, seq in self.outbox.urgent[:count]:
            self.reporter.answered(Answer(STORED, 1, BOOT, seq, 1_790_000_000))


async def test_what_is_said_once_in_a_discharge_is_kept_however_much_waits():
    band = Band()
    for _ in range(40):
        band.sos()
    for code in (reports.BATTERY_LOW, reports.BATTERY_CRITICAL, reports.LAST_WORDS):
        assert band.faults.note(code, "9 percent")
        await settle()
    assert [one[0] for one in band.told()] == [11, 12, 13]


async def test_a_fault_behind_many_reports_is_told_when_there_is_room_with_its_own_time():
    band = Band()
    for _ in range(16):
        band.sos()
    assert band.faults.note(reports.GNSS, "no answer")
    at_ms = band.uptime.ms()
    await settle(HOUR_MS)
    assert band.told() == []
    assert band.faults.note(reports.BATTERY_LOW, "20 percent")
    await settle()
    assert [one[0] for one in band.told()] == [reports.BATTERY_LOW], "and what is rare goes by"
    band.stored(2)
    await settle(60_000)
    assert band.told()[1:] == [(reports.GNSS, "no answer", at_ms)]


async def test_faults_never_take_the_room_of_an_sos():
    for storage in (None, Storage(None, [reports.FLASH_UNREADABLE])):
        band = Band(storage)
        seqs = [band.sos()]
        for number in range(600):  # days without a link, with faults that go on
            band.faults.note(reports.TASK_FAILED, "task %d" % (number % 40))
            await asyncio.sleep_ms(HOUR_MS if number % 40 == 39 else 0)
        for _ in range(10):
            seqs.append(band.sos())
        assert len(band.outbox.urgent) <= 32
        assert {(BOOT, seq) for seq in seqs} <= set(band.outbox.urgent)
        assert len(band.told()) == 15
        assert len(band.faults._queue) <= 17
        band.task.cancel()


main(globals())
