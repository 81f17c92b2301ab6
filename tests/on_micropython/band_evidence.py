# SPDX-License-Identifier: Apache-2.0
# evidence.py with the real window, reporter and outbox: motion after the alarm, or not at all.

import asyncio
import gc
import math

from band_support import BOOT, channel, codes, faults, folder, gateway, outbox
from single import main

from opaska_band.clock import Uptime, WallTime
from opaska_band.evidence import Evidence
from opaska_band.motion_window import MotionWindow
from opaska_band.outbox import TELEMETRY, URGENT
from opaska_band.reporter import Reporter
from opaska_protocol import frame, reports
from opaska_protocol.motion_read import decode_part

RECORD = 128  # bytes that littlefs keeps inside its directory
YEAR_MS = 365 * 86_400_000
LOST = (reports.REPORTS_DROPPED, "motion")


class Band:
    def __init__(self, storage=None):
        self.faults = faults()
        self.outbox = outbox(storage or folder(), self.faults)
        self.uptime = Uptime()
        self.reporter = Reporter(channel(), self.outbox, self.uptime, WallTime())
        self.window = MotionWindow()
        self.evidence = Evidence(self.window, self.reporter, self.outbox, self.uptime, self.faults)
        self.moved = 0  # rows

    def move(self, seconds):
        """Samples of 52 Hz, two of a kind: each row of the window is a `row` of here."""
        for _ in range(26 * seconds):
            for _ in range(2):
                self.window.put(*row(self.moved))
            self.moved += 1

    def fall(self, after_s=3):
        """By default a sensor in trouble cuts the window short, and the test with it."""
        self.move(12)
        self.window.mark(0)
        self.evidence.felt()
        self.move(after_s)
        if after_s < 20:
            self.window.restart()

    def parts(self):
        """The motion reports in the outbox, opened."""
        found = []
        for boot, seq in self.outbox.telemetry:
            header, ciphertext = frame.parse_up(self.outbox.read(TELEMETRY, boot, seq))
            report = reports.decode_report(gateway().open(header, ciphertext))
            assert (report.type, report.problems) == (reports.MOTION, [])
            found.append(report.fields)
        return found


def row(number):
    return [round(60 * math.sin(0.4 * number + axis)) for axis in range(3)]


async def until_free(band):
    """Until the window can take another fall."""
    task = asyncio.create_task(band.evidence.run())
    while band.window.is_marked:
        await asyncio.sleep_ms(20)
    task.cancel()


async def test_motion_arrives_whole_and_in_parts_that_fit_a_record():
    band = Band()
    band.uptime.ms = lambda: YEAR_MS
    band.fall(after_s=20)
    band.evidence.settled(0xFFFFFFF0)
    await until_free(band)
    parts = band.parts()
    assert [part["part"] for part in parts] == list(range(len(parts)))
    number = 52
    for part in parts:
        assert part["of_seq"] == 0xFFFFFFF0
        assert part["parts"] == len(parts)
        begins, rows = decode_part(part["data"])
        assert begins == number - 52 - 260
        for found in rows:
            assert max([abs(found[axis] - row(number)[axis]) for axis in range(3)]) <= 8
            number += 1
    assert number == 52 + 780
    for key in band.outbox.telemetry:
        assert len(band.outbox.read(TELEMETRY, *key)) <= RECORD
    assert not band.window.is_marked, "the next fall has its window"


async def test_nothing_is_reported_before_the_alarm_is_made():
    band = Band()
    band.fall()
    task = asyncio.create_task(band.evidence.run())
    await asyncio.sleep_ms(1_500)
    assert not band.outbox.telemetry
    band.evidence.settled(1)
    await asyncio.sleep_ms(1_000)
    assert band.outbox.telemetry
    task.cancel()


async def test_motion_waits_while_an_alarm_is_unanswered():
    band = Band()
    band.fall()
    seq = band.reporter.report(reports.ALARM, {"kind": reports.FALL})
    band.evidence.settled(1)
    task = asyncio.create_task(band.evidence.run())
    await asyncio.sleep_ms(2_500)
    assert not band.outbox.telemetry
    assert list(band.outbox.waiting()) == [(URGENT, BOOT, seq)]
    band.outbox.remove(BOOT, seq)
    await asyncio.sleep_ms(2_000)
    assert band.outbox.telemetry
    task.cancel()


async def test_a_fall_that_nobody_announced_leaves_no_motion_and_no_window():
    band = Band()
    band.fall()
    band.evidence.settled(None)
    await until_free(band)
    assert not band.outbox.telemetry
    assert not band.window.is_marked
    assert band.faults.count == 0


async def test_motion_that_finds_no_room_is_dropped_with_a_fault():
    band = Band()
    for _ in range(125):
        band.reporter.keep(reports.HEARTBEAT, b"\xa1\x00\x02")
    band.fall()
    band.evidence.settled(1)
    await until_free(band)
    assert len(band.outbox.telemetry) == 125
    assert LOST in band.faults._queue
    assert not band.window.is_marked


async def test_a_flash_that_fills_up_ends_it_with_a_fault():
    band = Band()
    room = [True] * 5
    band.outbox._room = lambda letter: bool(room) and room.pop()
    band.fall()
    band.evidence.settled(1)
    await until_free(band)
    assert len(band.parts()) == 5, "those are whole, and stand by themselves"
    assert LOST in band.faults._queue
    assert not band.window.is_marked


async def test_a_failure_frees_the_window_and_is_reported():
    band = Band()
    band.fall()
    band.evidence.settled(1)
    band.reporter.keep = lambda type_, body: 1 // 0
    await until_free(band)
    assert codes(band.faults) == [reports.TASK_FAILED]
    assert not band.window.is_marked
    del band.reporter.keep
    band.fall()
    band.evidence.settled(2)
    await until_free(band)
    assert band.parts()[0]["of_seq"] == 2


async def test_a_second_fall_leaves_the_window_of_the_first_alone():
    band = Band()
    band.fall()
    band.evidence.settled(1)
    band.evidence.felt()
    band.evidence.settled(2)
    await until_free(band)
    assert {part["of_seq"] for part in band.parts()} == {1}


async def test_a_window_cut_short_by_a_sensor_in_trouble_is_sent_as_far_as_it_goes():
    band = Band()
    band.fall()
    band.evidence.settled(1)
    await until_free(band)
    parts = band.parts()
    assert len(parts) == parts[0]["parts"]
    assert sum([len(decode_part(part["data"])[1]) for part in parts]) == 13 * 26


async def test_it_takes_little_heap():
    band = Band()
    band.outbox.put = lambda letter, boot, seq, sealed: True
    band.fall()
    band.evidence.settled(1)
    gc.collect()
    before = gc.mem_alloc()
    most = [0]
    keep = band.reporter.keep

    def measured(type_, body):
        seq = keep(type_, body)
        gc.collect()
        most[0] = max(most[0], gc.mem_alloc() - before)
        return seq

    band.reporter.keep = measured
    await until_free(band)
    print("bytes of heap while sending", most[0])
    assert most[0] < 4_000


main(globals())
