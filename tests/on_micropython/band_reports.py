# SPDX-License-Identifier: Apache-2.0
# reporter.py, heartbeat.py, resume.py: sealed once, small, and with little garbage.

import asyncio
import gc

from band_support import (
    BOOT,
    KEY,
    KID,
    channel,
    faults,
    folder,
    gateway,
    outbox,
    settle,
)
from single import main

from opaska_band.clock import Uptime, WallTime
from opaska_band.decisions.help import OpenReports
from opaska_band.heartbeat import Heartbeat
from opaska_band.identity import Identity
from opaska_band.reporter import Reporter
from opaska_band.resume import waiting_alarms
from opaska_band.settings import Settings
from opaska_band.storage import Storage
from opaska_protocol import frame, reports
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN, Answer

UNIX_S = 1_790_000_000
YEAR_MS = 365 * 86_400_000


class Battery:
    fields = {"battery_percent": 73, "battery_mv": 3_900, "charging": True}

    def read(self):
        return dict(self.fields)


class Sos:
    def __init__(self):
        self.reports = OpenReports()


class Cellular:
    signal_dbm = -97

    def __init__(self):
        self.modem = Part("")
        self.trial = self

    def look(self):
        """At the trial of a shared line, which has no part here."""


class Client:
    def __init__(self):
        self.up = asyncio.Event()


class Wear:
    """A part that has as much to tell as there can be."""

    trouble = ""

    def tell(self, fields):
        fields.update({"wear": 5, "hours_left": 0xFFFF, "still_min": 0xFFFF})
        fields["broken"] = list(range(300, 308))  # codes to come, which take more bytes


class WellWear:
    trouble = ""

    def tell(self, fields):
        fields["wear"] = 1


class Part:
    def __init__(self, trouble):
        self.trouble = trouble


class Band:
    """A band without button and link: reporter, outbox and heartbeat are real."""

    def __init__(self, storage=None, boot=BOOT, generation=1):
        self.faults = faults()
        self.storage = storage or folder()
        self.outbox = outbox(self.storage, self.faults)
        self.uptime = Uptime()
        self.wall = WallTime()
        self.channel = channel(boot, generation)
        self.reporter = Reporter(self.channel, self.outbox, self.uptime, self.wall)
        self.settings = Settings()
        self.sos = Sos()
        self.cellular = Cellular()
        self.identity = Identity(KID, generation, KEY, reports.SEALED, "", False)
        self.last_dseq = 12
        self.safe_mode = False
        self.wear = WellWear()
        self.motion = self.vitals = self.place = self.visits = Part("")
        self.heartbeat = Heartbeat(self, Battery())

    def sos_report(self):
        return self.reporter.report(
            reports.ALARM,
            {"kind": reports.SOS, "trigger": reports.HOLD, "battery_percent": 73},
        )

    def frame(self, letter, seq, boot=None):
        return self.outbox.read(letter, boot or self.reporter.boot, seq)

    def opened(self, letter, seq):
        header, ciphertext = frame.parse_up(self.frame(letter, seq))
        return reports.decode_report(gateway().open(header, ciphertext))

    def answered(self, state, boot, seq, generation=None, unix_s=UNIX_S):
        answer = Answer(state, generation or self.identity.generation, boot, seq, unix_s)
        self.reporter.answered(answer)

    def stored(self, seq, unix_s=UNIX_S):
        self.answered(STORED, self.reporter.boot, seq, unix_s=unix_s)


def test_reports_are_numbered_sealed_and_kept():
    band = Band()
    assert band.sos_report() == 1
    assert band.reporter.report(reports.FAULT, {"code": 6, "detail": "kind 5"}) == 2
    band.heartbeat.beat()
    waiting = list(band.outbox.waiting())
    assert waiting == [("a", BOOT, 1), ("a", BOOT, 2), ("t", BOOT, 3)]
    report = band.opened("a", 1)
    assert report.type == reports.ALARM
    assert report.problems == []
    assert report.fields["kind"] == reports.SOS
    assert report.fields["trigger"] == reports.HOLD
    assert band.opened("a", 2).fields["detail"] == "kind 5"
    heartbeat = band.opened("t", 3).fields
    assert heartbeat["battery_mv"] == 3_900
    assert heartbeat["waiting"] == 2
    assert heartbeat["last_dseq"] == 12
    assert heartbeat["signal_dbm"] == -97
    assert heartbeat["charging"] is True
    assert "answers" not in heartbeat


def test_what_is_broken_stands_in_each_heartbeat_until_it_works():
    band = Band()
    band.vitals, band.place = Part("no answer"), Part("no sentence")
    band.heartbeat.beat()
    assert band.opened("t", 1).fields["broken"] == [reports.OXIMETER, reports.GNSS]
    band.place.trouble = ""
    band.heartbeat.beat()
    assert band.opened("t", 2).fields["broken"] == [reports.OXIMETER]
    band.motion = Part("no samples")
    band.heartbeat.beat()
    assert band.opened("t", 3).fields["broken"] == [reports.MOTION_SENSOR, reports.OXIMETER]


def test_a_part_that_could_not_be_made_is_named_unless_it_was_not_even_tried():
    band = Band()
    band.heartbeat = Heartbeat(band, None)
    band.motion = band.wear = band.vitals = band.place = band.visits = None
    band.heartbeat.beat()
    assert set(band.opened("t", 1).fields["broken"]) == {
        reports.GAUGE,
        reports.STRAP_SENSOR,
        reports.MOTION_SENSOR,
        reports.OXIMETER,
        reports.GNSS,
        reports.NFC,
    }
    band.safe_mode = True
    band.heartbeat.beat()
    assert band.opened("t", 2).fields["broken"] == [reports.GAUGE]


def test_only_stored_frees_a_report():
    band = Band()
    seq = band.sos_report()
    for state in (ACCEPTED, TAKEN, CLOSED):
        band.answered(state, BOOT, seq)
        assert band.outbox.count == 1
    band.answered(STORED, BOOT + 1, seq)
    band.answered(STORED, BOOT, seq + 1)
    assert band.outbox.count == 1
    band.stored(seq)
    band.stored(seq)
    assert band.outbox.count == 0


def test_report_sealed_once_takes_a_seq_and_nothing_else():
    band = Band()
    first = band.sos_report()
    lost = [band.reporter.sealed_once(reports.LINK_LOST, {}) for _ in range(3)]
    last = band.sos_report()
    assert list(band.outbox.waiting()) == [("a", BOOT, first), ("a", BOOT, last)]
    seqs = []
    for sealed in lost:
        header, ciphertext = frame.parse_up(sealed)
        report = reports.decode_report(gateway().open(header, ciphertext))
        assert (report.type, report.problems) == (reports.LINK_LOST, [])
        seqs.append(header.seq)
    assert [first] + seqs + [last] == [1, 2, 3, 4, 5]
    for seq in seqs:  # an answer to it changes nothing
        band.stored(seq)
    assert band.outbox.count == 2
    assert not band.wall.known.is_set()


def test_seq_of_a_report_that_could_not_be_sealed_is_not_used_again():
    band = Band()
    seal, band.reporter._channel = band.reporter._channel, None
    try:
        band.reporter.sealed_once(reports.LINK_LOST, {})
    except AttributeError:
        band.reporter._channel = seal
    assert band.sos_report() == 2


def test_time_is_learned_from_the_first_answer_only_and_reported_with_its_error():
    band = Band()
    first, second = band.sos_report(), band.sos_report()
    assert "time" not in band.opened("a", first).fields
    band.stored(first)
    third = band.sos_report()
    source, unix_s, error_s = band.opened("a", third).fields["time"]
    assert (source, error_s) == (reports.TIME_GATEWAY, 1)
    assert abs(unix_s - UNIX_S) <= 1
    band.stored(first, UNIX_S + 1_000_000)  # a repeat says nothing new
    assert abs(band.wall.report(band.uptime.ms())[1] - UNIX_S) <= 1
    assert second


def test_alarm_leaves_the_time_out_once_the_gateway_can_date_this_boot():
    band = Band()
    band.stored(band.sos_report())
    assert "time" in band.opened("a", band.sos_report()).fields
    band.heartbeat.beat()
    band.stored(3)
    assert "time" not in band.opened("a", band.sos_report()).fields
    band.heartbeat.beat()
    assert "time" in band.opened("t", 5).fields


def test_report_without_the_time_dates_nothing():
    band = Band()
    band.heartbeat.beat()
    band.stored(1)
    assert not band.reporter.anchored
    assert "time" in band.opened("a", band.sos_report()).fields
    band.heartbeat.beat()
    band.stored(3)
    assert band.reporter.anchored


def test_sealed_sos_is_small_enough_for_one_sms():
    band = Band()
    band.uptime._ms = 30 * 86_400_000
    small = len(band.frame("a", band.sos_report()))
    band.wall.learn(UNIX_S, band.uptime.ms(), band.uptime.ms())
    with_time = len(band.frame("a", band.sos_report()))
    band.reporter.anchored = True
    band.channel = channel(0xFFFFFFF0)
    band.reporter = Reporter(band.channel, band.outbox, band.uptime, band.wall)
    band.reporter._seq = 70_000
    band.reporter.anchored = True
    largest = len(band.frame("a", band.sos_report()))
    print("sealed SOS", small, "with time", with_time, "large counters", largest)
    assert small <= 57
    assert with_time <= 80
    assert largest <= 80


def test_routine_heartbeat_is_small():
    band = Band(boot=300)
    band.uptime._ms = 30 * 86_400_000
    band.wall.learn(UNIX_S, band.uptime.ms(), band.uptime.ms())
    band.reporter._seq = 9_000
    band.last_dseq = 300
    band.heartbeat.beat()
    size = len(band.frame("t", 9_001))
    band.sos.reports.opened(300, 8_000)
    band.sos.reports.answered(300, 8_000, TAKEN, 300)
    band.heartbeat.beat()
    with_answer = len(band.frame("t", 9_002))
    print("sealed heartbeat", size, "with an answer", with_answer)
    assert size <= 96
    assert with_answer <= 104


def test_no_heartbeat_outgrows_a_record_on_flash():
    band = Band(boot=0xFFFFFFF0)
    band.uptime._ms = 100 * YEAR_MS
    band.wall.learn(UNIX_S, band.uptime.ms(), band.uptime.ms())
    band.reporter._seq = 0xFFFF0000
    band.last_dseq = 0xFFFFFFFF
    for seq in range(1, 5):
        band.sos.reports.opened(0xFFFFFFF0, 0xFFFE0000 + seq)
        band.sos.reports.answered(0xFFFFFFF0, 0xFFFE0000 + seq, TAKEN, 1)
    band.heartbeat.beat()
    assert len(band.frame("t", 0xFFFF0001)) <= 128
    assert len(band.opened("t", 0xFFFF0001).fields["answers"]) >= 1
    band.wear = Wear()
    band.settings.version = 0xFFFFFFFF
    band.heartbeat.beat()
    assert len(band.frame("t", 0xFFFF0002)) <= 128
    fields = band.opened("t", 0xFFFF0002).fields
    told = len(fields["broken"])
    assert 2 <= told < 8
    assert fields["broken"] == list(range(300, 300 + told)), "the last ones are left out"
    assert "answers" not in fields
    assert fields["settings_version"] == 0xFFFFFFFF


def test_heartbeat_of_a_whole_band_names_all_that_is_broken():
    band = Band()
    band.wear = Wear()
    band.settings.version = 12
    band.heartbeat.beat()
    fields = band.opened("t", 1).fields
    assert (len(fields["broken"]), fields["settings_version"]) == (8, 12)


def test_heartbeat_echoes_until_the_gateway_has_it():
    band = Band()
    seq = band.sos_report()
    band.sos.reports.opened(BOOT, seq)
    band.sos.reports.answered(BOOT, seq, CLOSED, BOOT)
    for heartbeat_seq in (2, 3):
        band.heartbeat.beat()
        assert band.opened("t", heartbeat_seq).fields["answers"] == [[BOOT, seq, CLOSED]]
    band.heartbeat.answered(BOOT, 2)  # an earlier one: perhaps without this echo
    band.heartbeat.answered(BOOT - 1, 3)
    assert band.sos.reports.echo(4)
    band.heartbeat.answered(BOOT, 3)
    assert band.sos.reports.echo(4) == []


async def test_the_first_heartbeat_with_the_time_dates_all_that_waits_however_much_that_is():
    """After a start without a network: no answer to what is old tells the time."""
    band = Band()
    band.client = Client()
    for _ in range(50):
        band.reporter.report(reports.WEAR, {"state": 1, "since_ms": 0})
    task = asyncio.create_task(band.heartbeat.run())
    await asyncio.sleep_ms(0)
    assert band.reporter._seq == 50, "it waits for the link"
    band.client.up.set()
    await settle(2_999)
    assert band.reporter._seq == 50, "and three seconds for the time"
    await settle(1)
    assert "time" not in band.opened("t", 51).fields
    band.stored(51)
    await settle()
    assert band.opened("t", 52).fields["time"][0] == reports.TIME_GATEWAY
    assert band.reporter._seq == 52
    task.cancel()


def test_heartbeats_do_not_fill_the_flash_while_nobody_takes_them():
    band = Band()
    for _ in range(50):
        band.heartbeat.beat()
    assert len(band.outbox.telemetry) == 12
    band.answered(STORED, BOOT, 1)
    band.heartbeat.beat()
    assert len(band.outbox.telemetry) == 12


def test_battery_that_cannot_be_read_leaves_its_fields_out():
    band = Band()
    band.heartbeat._battery.fields = {}
    band.heartbeat.beat()
    fields = band.opened("t", 1).fields
    assert "battery_percent" not in fields
    assert fields["free_bytes"] > 0


def test_without_flash_reports_are_kept_in_ram():
    band = Band(Storage(None, [reports.FLASH_UNREADABLE]))
    assert band.sos_report() == 1
    assert band.opened("a", 1).fields["kind"] == reports.SOS


def test_sos_waiting_from_before_the_restart_is_told_from_a_waiting_fault():
    before = Band()
    before.reporter.report(reports.FAULT, {"code": 6})
    sos_seq = before.sos_report()
    before.heartbeat.beat()
    after = Band(before.storage, BOOT + 1)
    after.sos_report()
    found = waiting_alarms(after.outbox, after.identity, BOOT + 1)
    assert found == [(BOOT, sos_seq)]


def test_waiting_report_that_nobody_can_open_counts_as_an_alarm():
    before = Band()
    seq = before.sos_report()
    identity = Identity(KID, 1, bytes(16), reports.BENCH, "", False)
    assert waiting_alarms(Band(before.storage, 9).outbox, identity, 9) == [(BOOT, seq)]


def test_waiting_alarm_of_an_earlier_key_is_another_wearers():
    before = Band()
    before.sos_report()
    identity = Identity(KID, 2, KEY, reports.BENCH, "", False)
    assert waiting_alarms(Band(before.storage, 9).outbox, identity, 9) == []


def test_report_of_an_earlier_key_is_freed_by_its_own_answer_only():
    before = Band()
    sos, fault = before.sos_report(), before.reporter.report(reports.FAULT, {"code": 6})
    before.heartbeat.beat()
    after = Band(before.storage, BOOT + 1, generation=2)
    own = after.sos_report()
    for generation, boot, seq in (
        (2, BOOT, sos),
        (3, BOOT, sos),
        (1, BOOT, 50),
        (1, BOOT + 1, own),
    ):
        after.answered(STORED, boot, seq, generation)
    assert after.outbox.count == 4
    after.answered(STORED, BOOT + 1, own, 2)
    after.answered(STORED, BOOT, sos, 1)
    after.answered(STORED, BOOT, 3, 1)
    assert list(after.outbox.waiting()) == [("a", BOOT, fault)]


def test_broken_file_in_the_outbox_is_no_alarm_and_stops_nobody():
    before = Band()
    seq = before.sos_report()
    with open("state/out/a%08x%08x" % (BOOT, 50), "wb") as file:
        file.write(b"x" * 60)
    after = Band(before.storage, 9)
    assert waiting_alarms(after.outbox, after.identity, 9) == [(BOOT, seq)]


def test_outbox_of_hundreds_of_alarms_does_not_delay_the_start():
    band = Band()
    for _ in range(60):
        band.sos_report()
    found = waiting_alarms(Band(band.storage, 9).outbox, band.identity, 9)
    assert found == [(BOOT, seq) for seq in range(53, 61)]


def test_faults_that_wait_do_not_hide_an_sos_that_waits():
    before = Band()
    seq = before.sos_report()
    for _ in range(12):
        before.reporter.report(reports.FAULT, {"code": 6})
    after = Band(before.storage, 9)
    assert waiting_alarms(after.outbox, after.identity, 9) == [(BOOT, seq)]


def churn(run):
    """Bytes that `run` takes from the heap, garbage included."""
    run()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    run()
    taken = gc.mem_alloc() - before
    gc.enable()
    return taken


def test_sealing_a_heartbeat_takes_at_most_512_bytes_of_heap():
    band = Band()
    fields = Battery().read()
    fields.update({"free_bytes": 100_000, "build": 1, "link": 1, "last_dseq": 3})
    fields.update({"waiting": 1, "signal_dbm": -97, "uptime_ms": 1 << 30})
    fields["time"] = [1, UNIX_S, 1]
    seqs = iter(range(1, 100))

    def seal():
        band.channel.seal(next(seqs), reports.encode_report(reports.HEARTBEAT, fields))

    taken = churn(seal)
    whole = churn(band.heartbeat.beat)
    print("encode and seal", taken, "with reading, counting and keeping", whole)
    assert taken <= 512
    assert whole <= 8_192


main(globals())
