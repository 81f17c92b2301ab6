# SPDX-License-Identifier: Apache-2.0
# links/sender.py by a clock that the test moves: what is sent when, over a real outbox on flash.

from flash_device import Board, erased
from flash_story import GENERATION, KEY, KID, SALT
from single import main

from opaska_band import storage
from opaska_band.links import sender as module
from opaska_band.links.sender import Sender
from opaska_band.outbox import TELEMETRY, URGENT, Outbox
from opaska_protocol.channel import BandChannel

PERIOD = 1 << 30  # of an ESP32's ticks
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Clock:
    """In place of `time`: ticks that wrap as an ESP32's do."""

    def __init__(self):
        self.ms = 0

    def ticks_ms(self):
        return self.ms & PERIOD - 1

    def ticks_add(self, ticks, delta):
        return ticks + delta & PERIOD - 1

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2 & PERIOD - 1) - PERIOD // 2


class Packet:
    def __init__(self):
        self.acked = False


class Client:
    """A link that is up or not; `acks` says whether the broker confirms at once."""

    def __init__(self, clock):
        self.acks = True
        self.posts = []  # (ms, topic, data)
        self.hurries = []  # ms
        self.waiting = []  # packets without PUBACK
        self.woken = False  # a PUBACK came
        self.on_up = None
        self.brings = 1  # messages for each post, as if something was answered
        self.messages = 0
        self.left = []  # ms
        self.up = self
        self._clock = clock
        self._up = False

    def is_set(self):
        return self._up

    def connect(self):
        self._up = True
        self.messages = 0
        self.on_up()

    def drop(self):
        self._up = False

    def leave(self):
        self.left.append(self._clock.ms)
        self.connect()  # at once, to another broker

    def hurry(self):
        self.hurries.append(self._clock.ms)

    def post(self, topic, data, event):
        packet = Packet()
        packet.acked = self.acks
        if self.acks:
            self.woken = True
        else:
            self.waiting.append(packet)
        self.posts.append((self._clock.ms, topic, data))
        self.messages += self.brings
        return packet

    def ack(self):
        for packet in self.waiting:
            packet.acked = True
        self.waiting.clear()


class Band:
    def __init__(self):
        self.clock = module.time = Clock()
        self.outbox = Outbox(storage.mount(Board(erased(16), {"boot": 0})), None)
        self.client = Client(self.clock)
        self.sender = Sender(self.outbox, self.client, "kid")
        self._channel = BandChannel(KID, GENERATION, KEY, 1, SALT)
        self._names = {}

    def put(self, letter, *seqs):
        for seq in seqs:
            sealed = self._channel.seal(seq, bytes(20))
            self._names[sealed] = "%s%d" % (letter, seq)
            assert self.outbox.put(letter, 1, seq, sealed)

    def run(self, ms):
        """Let the sender live so long; the names of what it sent."""
        end = self.clock.ms + ms
        first = len(self.client.posts)
        while True:
            wait_ms = self.sender._turn()
            assert wait_ms > 0
            if self.client.woken:
                self.client.woken = False
                continue
            if self.clock.ms + wait_ms > end:
                self.clock.ms = end
                return self.sent(first)
            self.clock.ms += wait_ms

    def sent(self, first=0):
        return [self._names[data] for _, _, data in self.client.posts[first:]]

    def times_s(self):
        return [ms // 1000 for ms, _, _ in self.client.posts]


def test_an_unanswered_sos_is_sent_on_schedule_and_for_ever():
    band = Band()
    band.client.connect()
    band.put(URGENT, 1)
    band.run(2 * DAY_MS)
    want = [0, 2, 5, 10, 20, 40]
    want += [40 + 60 * n for n in range(1, 61)]
    want += range(3640 + 300, 2 * 86_400 + 1, 300)
    assert band.times_s() == want


def test_each_letter_has_its_topic_and_the_bytes_never_change():
    band = Band()
    band.client.connect()
    band.put(URGENT, 1)
    band.put(TELEMETRY, 2)
    band.run(HOUR_MS)
    pairs = {(topic, data) for _, topic, data in band.client.posts}
    assert len(pairs) == 2
    assert {topic for topic, _ in pairs} == {b"up/kid/a", b"up/kid/t"}


def test_a_stored_report_is_sent_no_more():
    band = Band()
    band.client.connect()
    band.put(URGENT, 1, 2)
    band.run(1000)
    band.outbox.remove(1, 2)
    assert set(band.run(HOUR_MS)) == {"a1"}
    band.outbox.remove(1, 1)
    assert band.run(DAY_MS) == []


def test_nothing_is_sent_again_while_its_puback_is_outstanding():
    band = Band()
    band.client.acks = False
    band.client.connect()
    band.put(URGENT, 1)
    band.put(TELEMETRY, 2)
    got = band.run(HOUR_MS)
    assert got == ["a1", "t2"], got
    band.client.drop()
    band.client.connect()
    assert band.run(HOUR_MS) == []  # the client itself sends them again
    band.client.ack()
    assert "a1" in band.run(300_000)


def test_without_a_link_every_attempt_asks_for_one():
    band = Band()
    band.put(URGENT, 1)
    assert band.run(200_000) == []
    assert [ms // 1000 for ms in band.client.hurries] == [0, 2, 5, 10, 20, 40, 100, 160]


def test_a_new_link_gets_everything_at_once():
    band = Band()
    band.put(URGENT, 1, 2)
    band.put(TELEMETRY, 3, 4)
    band.run(7 * HOUR_MS)
    band.client.connect()
    assert band.run(1) == ["a2", "a1", "t4"]
    band.outbox.remove(1, 1)
    band.outbox.remove(1, 2)
    band.client.drop()
    band.client.connect()
    assert band.run(1) == ["t4", "t3"]


def test_a_new_link_starts_the_schedule_again_for_an_sos_of_a_long_outage():
    band = Band()
    band.put(URGENT, 1)
    band.run(7 * HOUR_MS)
    begin_s = band.clock.ms // 1000
    band.client.connect()
    band.run(100_000)
    assert [at - begin_s for at in band.times_s()] == [0, 2, 5, 10, 20, 40, 100]


def test_a_link_without_a_single_answer_is_left_for_another():
    band = Band()
    band.client.connect()
    band.put(TELEMETRY, 1)
    band.run(HOUR_MS)
    assert band.client.left == []
    band.client.brings = 0
    band.put(URGENT, 2)
    band.run(HOUR_MS)
    assert [ms // 1000 - 3600 for ms in band.client.left[:3]] == [20, 40, 340], band.client.left
    assert len(band.client.left) <= 10
    band.client.brings = 1
    left = len(band.client.left)
    band.run(HOUR_MS)
    assert len(band.client.left) == left


def test_a_link_that_brought_answers_once_and_now_none_is_left_for_another():
    """As when a gateway dies and its broker lives on: the broker takes all, nobody answers."""
    band = Band()
    band.client.connect()
    band.client.brings, band.client.messages = 0, 50
    band.run(DAY_MS)
    begin_s = band.clock.ms // 1000
    band.put(URGENT, 1)
    band.run(60_000)
    assert [ms // 1000 - begin_s for ms in band.client.left] == [20, 40], band.client.left


def test_a_link_that_answered_meanwhile_is_kept():
    band = Band()
    band.client.connect()
    band.put(URGENT, 1)
    band.client.brings = 0
    for _ in range(60):
        band.run(10_000)
        band.client.messages += 1  # another report's
    assert band.client.left == []


def test_a_report_just_made_gets_its_time_before_its_link_is_left():
    """A heartbeat and telemetry's round at the same moment."""
    band = Band()
    band.client.connect()
    band.client.brings = 0
    band.run(900_000 - 1)
    band.put(TELEMETRY, 1)
    band.run(1_000)
    assert len(band.client.posts) == 2, "no round"
    band.outbox.remove(1, 1)
    band.run(DAY_MS)
    assert band.client.left == []


def test_a_link_that_stops_answering_telemetry_is_left_within_two_rounds():
    band = Band()
    band.client.connect()
    band.client.brings, band.client.messages = 0, 50
    band.run(HOUR_MS)
    band.put(TELEMETRY, 1)
    band.run(1_800_000)
    assert len(band.client.left) >= 1


def test_a_link_without_answers_to_telemetry_is_left_at_the_next_round():
    band = Band()
    band.client.brings = 0
    band.client.connect()
    band.put(TELEMETRY, 1)
    band.run(2000 * 1000)
    assert [ms // 1000 for ms in band.client.left] == [900, 1800]


def test_a_nudge_sends_what_is_urgent_now():
    band = Band()
    band.client.connect()
    band.put(URGENT, 1)
    band.run(HOUR_MS // 2)
    before = len(band.client.posts)
    band.sender.nudge()
    assert band.run(0) == ["a1"]
    assert len(band.client.posts) == before + 1


def test_the_newest_sos_goes_first_and_is_not_held_by_old_ones():
    band = Band()
    band.put(URGENT, *range(1, 31))
    band.client.acks = False
    band.client.connect()
    assert band.run(1) == ["a%d" % n for n in range(30, 22, -1)]  # a window of eight
    band.put(URGENT, 31)
    band.client.ack()
    assert band.run(1)[0] == "a31"


def test_telemetry_goes_once_for_each_link_and_every_quarter_of_an_hour():
    band = Band()
    band.client.connect()
    band.put(TELEMETRY, 1)
    assert band.run(2 * HOUR_MS) == ["t1"] * 9
    band.put(TELEMETRY, 2)
    assert band.run(1) == ["t2"]
    assert band.times_s()[1] == 900


def test_a_backlog_goes_a_few_at_a_time():
    band = Band()
    band.put(TELEMETRY, *range(40))
    band.client.acks = False
    band.client.connect()
    got = []
    for _ in range(10):
        some = band.run(10)
        assert len(some) == 4
        got += some
        band.client.ack()
    assert got == ["t%d" % n for n in range(39, -1, -1)]


def test_telemetry_makes_way_for_an_unanswered_sos():
    band = Band()
    band.put(TELEMETRY, *range(40))
    band.client.connect()
    band.put(URGENT, 100)
    got = band.run(60_000)
    assert got[0] == "a100"
    times = [ms for ms, topic, _ in band.client.posts if topic == b"up/kid/t"]
    assert 10 <= len(times) <= 13, times  # it is slow, not silent
    assert min(times[n + 1] - times[n] for n in range(len(times) - 1)) >= 5000, times
    band.outbox.remove(1, 100)
    assert len(band.run(5000)) == 40 - len(times)  # and then all at once


def test_a_month_on_wrapping_ticks_changes_nothing():
    band = Band()
    band.client.connect()
    for day in range(30):
        band.put(TELEMETRY, day)
        band.outbox.remove(1, day - 1)
        band.run(DAY_MS)
        band.client.posts.clear()
    band.put(URGENT, 1000)
    first = len(band.client.posts)
    begin = band.clock.ms
    band.run(50_000)
    times = [ms - begin for ms, topic, _ in band.client.posts[first:] if topic == b"up/kid/a"]
    assert times == [0, 2000, 5000, 10_000, 20_000, 40_000]
    telemetry = [topic for _, topic, _ in band.client.posts[first:]].count(b"up/kid/t")
    assert telemetry <= 1
    band.outbox.remove(1, 1000)
    for _ in range(9):
        band.run(DAY_MS)
    band.put(URGENT, 1001)
    band.put(TELEMETRY, 99)
    assert band.run(6000).count("t99") == 1


main(globals())
