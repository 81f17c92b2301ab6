# SPDX-License-Identifier: Apache-2.0
# The small parts of the band: clock, faults, guard, settings, identity, inbox and orders.

import asyncio
import gc
import sys
from time import ticks_diff, ticks_ms

from band_support import (
    BOOT,
    KEY,
    KID,
    Board,
    Nvs,
    channel,
    codes,
    details,
    faults,
    folder,
    gateway,
    settle,
)
from single import main

from opaska_band import guard, identity, obey, settings
from opaska_band.clock import Uptime, WallTime
from opaska_band.inbox import Inbox
from opaska_band.settings import Settings
from opaska_band.unload import unload
from opaska_protocol import answers, cbor, orders, reports
from opaska_protocol.errors import BodyError

# --- unload ---

HOUR_MS = 3_600_000


def test_an_unloaded_module_gives_its_memory_back_and_can_come_again():
    def passing():
        from opaska_band.senses import nmea

        assert nmea.Nmea().feed(b"$GPGGA") == []

    def taken():
        gc.collect()
        return gc.mem_alloc()

    passing()
    unload("opaska_band.senses.nmea")  # what stays: the package, names
    before = taken()
    for _ in range(20):
        passing()
        assert "opaska_band.senses.nmea" in sys.modules
        with_it = taken()
        unload("opaska_band.senses.nmea")
        assert "opaska_band.senses.nmea" not in sys.modules
        assert not hasattr(sys.modules["opaska_band.senses"], "nmea")
        assert with_it - taken() > 1_000
    assert taken() - before < 200


def test_a_module_that_is_not_there_is_unloaded_already():
    unload("opaska_band.senses.nothing", "nothing", "no.such.package")


# --- clock ---


def test_uptime_goes_on_when_the_ticks_wrap():
    ticks = [(1 << 30) - 500]
    wrap = 1 << 30

    class Time:
        ticks_ms = staticmethod(lambda: ticks[0] % wrap)
        ticks_diff = staticmethod(lambda a, b: (a - b + wrap // 2) % wrap - wrap // 2)

    import opaska_band.clock as clock

    clock.time = Time
    uptime = Uptime()
    for _ in range(40):  # a year, by the week
        before = uptime.ms()
        ticks[0] += 400_000_000
        assert uptime.ms() - before == 400_000_000
    assert uptime.at(Time.ticks_ms()) == uptime.ms()
    assert uptime.ms() - uptime.at((ticks[0] - 70) % wrap) == 70


def test_wall_time_is_unknown_before_the_first_answer():
    assert WallTime().report(1_000) is None


def test_wall_time_lies_within_its_stated_error():
    for truth_ms, sent_ms, stamped_ms, arrived_ms in (
        (1_700_000_000_000, 10_000, 10_020, 10_080),
        (1_700_000_000_999, 10_000, 10_001, 15_000),
        (1_700_000_000_500, 10_000, 14_999, 15_000),
    ):
        wall = WallTime()  # truth_ms is the wall time at uptime 0
        wall.learn((truth_ms + stamped_ms) // 1_000, sent_ms, arrived_ms)
        for uptime_ms in (arrived_ms, arrived_ms + 86_400_000):
            source, unix_s, error_s = wall.report(uptime_ms)
            assert source == reports.TIME_GATEWAY
            assert abs(unix_s - (truth_ms + uptime_ms) / 1_000) <= error_s + 1
            assert error_s <= 1 + 5 + 44


def test_wall_time_is_not_spoiled_by_a_slow_answer():
    wall = WallTime()
    wall.learn(1_700_000_000, 1_000, 1_100)
    before = wall.report(50_000)
    wall.learn(1_600_000_000, 2_000, 40_000)
    assert wall.report(50_000) == before
    wall.learn(1_600_000_000, 2_000, 2_000_000)
    assert wall.report(50_000) == before


def test_wall_time_learns_anew_once_drift_outweighs_a_slower_answer():
    wall = WallTime()
    wall.learn(1_700_000_000, 1_000, 1_100)
    day_ms = 86_400_000
    wall.learn(1_700_100_000, day_ms, day_ms + 2_000)
    assert abs(wall.report(day_ms + 2_000)[1] - 1_700_100_000) <= 2


def test_wall_time_of_long_ago_has_an_error_that_grows_with_its_age():
    wall = WallTime()
    wall.learn(1_700_000_000, 86_400_000, 86_401_000)
    assert wall.report(86_400_000)[2] == 1
    assert 44 <= wall.report(0)[2] <= 45


# --- faults and guard ---


async def test_fault_is_reported_once_an_hour():
    found = faults()
    for _ in range(1_000):
        found.note(reports.FLASH_FULL)
    assert codes(found) == [reports.FLASH_FULL]
    assert found.count == 1_000
    assert (await found.take())[:2] == (reports.FLASH_FULL, "")
    await asyncio.sleep_ms(HOUR_MS - 1)
    found.note(reports.FLASH_FULL)
    assert codes(found) == []
    await asyncio.sleep_ms(1)
    found.note(reports.FLASH_FULL)
    assert codes(found) == [reports.FLASH_FULL]


async def test_fault_wakes_the_task_that_waits_for_one():
    found = faults()
    taken = []

    async def take():
        while True:
            taken.append((await found.take())[:2])

    task = asyncio.create_task(take())
    await settle()
    found.note(1, "a")
    found.note(2, "b" * 100)
    await settle()
    assert taken == [(1, "a"), (2, "b" * 32)]
    task.cancel()


def test_flood_of_different_faults_stays_bounded_and_says_that_some_are_missing():
    found = faults()
    for code in range(100, 10_000):
        assert found.note(code) == (code < 116)
    assert len(codes(found)) == 17
    assert (codes(found)[-1], details(found)[-1]) == (reports.REPORTS_DROPPED, "faults")
    assert found.note(reports.BATTERY_LOW), "which is never said again"


async def test_troubles_of_long_ago_do_not_hide_a_new_one():
    found = faults()
    for code in range(16):
        found.note(100 + code)
    assert len(codes(found)) == 16
    found._queue.clear()
    await asyncio.sleep_ms(HOUR_MS)
    found.note(reports.FLASH_FULL)
    assert codes(found) == [reports.FLASH_FULL]


async def test_a_fault_that_nobody_takes_waits_once():
    found = faults()
    for _ in range(1_000):
        found.note(reports.FLASH_FULL)
        await asyncio.sleep_ms(HOUR_MS)
    assert codes(found) == [reports.FLASH_FULL]


async def test_failing_task_is_reported_and_starts_again():
    found = faults()
    runs = []

    async def run():
        runs.append(ticks_ms())
        if len(runs) < 4:
            raise (ValueError("planted"), MemoryError(), OSError(5))[len(runs) - 1]

    await guard.keep("planted", run, found)
    assert [ticks_diff(at, runs[0]) for at in runs] == [0, 100, 300, 700]
    assert found.count == 3
    assert found._queue == [(reports.TASK_FAILED, "planted")]


async def test_task_that_fails_now_and_then_is_back_at_once_each_time():
    begun = []

    async def run():
        begun.append(ticks_ms())
        await asyncio.sleep_ms(0 if len(begun) < 12 else 10_000)
        if len(begun) < 14:
            raise ValueError("planted")

    await guard.keep("planted", run, faults())
    pauses = [ticks_diff(begun[n + 1], begun[n]) for n in range(len(begun) - 1)]
    assert pauses[:7] == [100, 200, 400, 800, 1_600, 3_200, 6_400]
    assert pauses[7:11] == [10_000] * 4, "an SOS may need the task"
    assert pauses[11:] == [10_100] * 2, "it has worked for long"


async def test_task_that_fails_while_there_is_no_memory_for_words_starts_again():
    found = faults()
    runs = []

    def note(code, detail):
        raise MemoryError()

    async def run():
        runs.append(1)
        if len(runs) < 3:
            raise MemoryError()

    found.note = note
    await guard.keep("planted", run, found)
    assert len(runs) == 3
    assert guard.attempt("part", lambda: 1 // 0, found, 7) == 7


async def test_cancelled_task_is_not_started_again():
    runs = []

    async def run():
        runs.append(1)
        await asyncio.sleep_ms(10_000)

    task = asyncio.create_task(guard.keep("one", run, faults()))
    await settle()
    task.cancel()
    await settle(5)
    assert len(runs) == 1


def test_attempt_returns_the_substitute():
    found = faults()
    assert guard.attempt("part", lambda: 1 // 0, found, 7) == 7
    assert guard.attempt("part", lambda: 5, found, 7) == 5
    assert found.count == 1


# --- settings ---


def test_settings_survive_being_kept():
    storage = folder()
    changed = Settings()
    changed.change({1: 0, 2: 60, 3: True, 4: 1, 5: False})
    assert changed.save(storage)
    loaded, broken = settings.load(storage)
    assert (loaded.hold_ms, loaded.heartbeat_s, loaded.quiet, broken) == (0, 60, True, False)
    assert (loaded.fall_profile, loaded.fall_cancel_by_hand) == (1, False)


def test_missing_settings_are_the_defaults_and_no_fault():
    loaded, broken = settings.load(folder())
    assert (loaded.hold_ms, loaded.heartbeat_s, loaded.quiet, broken) == (500, 1200, False, False)
    assert (loaded.fall_profile, loaded.fall_cancel_by_hand) == (2, True)


def test_broken_settings_are_the_defaults_and_a_fault():
    storage = folder()
    broken = (
        b"",
        b"\xff" * 20,
        cbor.encode([1, 2]),
        cbor.encode({1: 1_001}),  # out of range
        cbor.encode({1: 100, 2: 59}),  # one good and one bad
        cbor.encode({1: True}),
        cbor.encode({99: 1}),  # unknown
        cbor.encode({0: 3, 9: 90, 10: 60}),  # what does not fit together
        cbor.encode({1: 100})[:-1],
    )
    for data in broken:
        storage.save("settings", data)
        loaded, is_broken = settings.load(storage)
        assert is_broken, data
        assert (loaded.hold_ms, loaded.heartbeat_s, loaded.quiet) == (500, 1200, False), data


# --- identity ---


def test_identity_is_read_as_the_bench_wrote_it():
    nvs = Nvs(kid=KID, key=KEY, gen=2, build=2, broker=b"a:1,b:2", tls=1, apn=b"iot.1")
    who = identity.read(nvs)
    assert (who.kid, who.key, who.generation, who.build) == (KID, KEY, 2, reports.SEALED)
    assert (who.brokers, who.tls, who.kid_hex) == ("a:1,b:2", True, KID.hex())
    assert who.apn == "iot.1"
    assert identity.read(Nvs(kid=KID, key=KEY, gen=2)).apn == "", "of a band of before"


def test_incomplete_identity_is_none():
    whole = {"kid": KID, "key": KEY, "gen": 1}
    assert identity.read(Nvs(**whole)).build == reports.BENCH
    for name, bad in (
        ("kid", None),
        ("kid", b"short"),
        ("key", None),
        ("key", KEY + b"\0"),
        ("gen", None),
        ("gen", 0),
        ("gen", 65_536),
        ("gen", -1),
    ):
        values = dict(whole)
        values[name] = bad
        assert identity.read(Nvs(**values)) is None, (name, bad)


def test_unreadable_broker_text_leaves_an_identity_that_can_still_keep_an_sos():
    assert identity.read(Nvs(kid=KID, key=KEY, gen=1, broker=b"\xff\xfe")).brokers == ""


# --- inbox ---


class Band:
    """What obey.py sees of a band."""

    def __init__(self):
        self.storage = folder()
        self.board = Board()
        self.faults = faults()
        self.settings = Settings()
        self.last_dseq = 0
        self.heartbeat = self
        self.used = self.beats = 0

    def use_settings(self):
        self.used += 1

    def soon(self):
        self.beats += 1


class Post:
    """An inbox, and the gateway that fills it."""

    def __init__(self):
        self.faults = faults()
        self.answers = []
        self.orders = []
        self.gateway = gateway()
        self.counter = 0
        self.inbox = Inbox(channel(), self.answers.append, self.orders.append, self.faults)

    def seal(self, body):
        self.counter += 1
        return self.gateway.seal(self.counter, body)

    def receive(self, frame):
        self.inbox.receive(b"dn/x", frame)


def answer(state=answers.STORED):
    return answers.encode_answer(answers.Answer(state, 1, BOOT, 1, 1_700_000_000))


def test_verified_answers_and_orders_reach_whom_they_concern():
    post = Post()
    post.receive(post.seal(answer()))
    post.receive(post.seal(orders.encode_order(orders.Order(5, 1, {1: 100}))))
    assert [(a.state, a.boot, a.seq) for a in post.answers] == [(answers.STORED, BOOT, 1)]
    assert [(o.dseq, o.kind, o.arguments) for o in post.orders] == [(5, 1, {1: 100})]
    assert post.inbox.refused == 0


def test_every_flipped_bit_is_refused_and_counted():
    post = Post()
    frame = bytearray(post.seal(answer()))
    for bit in range(len(frame) * 8):
        frame[bit // 8] ^= 1 << bit % 8
        post.receive(bytes(frame))
        frame[bit // 8] ^= 1 << bit % 8
    assert post.answers == []
    assert post.inbox.refused == len(frame) * 8
    assert set(codes(post.faults)) == {reports.UNVERIFIED_ANSWERS}


def test_rubbish_other_bands_and_our_own_reports_are_refused():
    post = Post()
    other = type(post.gateway)(b"another1", 1, KEY, b"gwgwgwgw")
    wrong_key = type(post.gateway)(KID, 1, bytes(16), b"gwgwgwgw")
    next_generation = type(post.gateway)(KID, 2, KEY, b"gwgwgwgw")
    bad = [b"", b"\0", b"x" * 2_000, channel().seal(1, answer())]
    bad += [one.seal(1, answer()) for one in (other, wrong_key, next_generation)]
    bad += [post.seal(b""), post.seal(b"\xa0"), post.seal(cbor.encode({0: 1, 1: 0}))]
    for data in bad:
        post.receive(data)
    assert (post.answers, post.orders) == ([], [])
    assert post.inbox.refused == len(bad)


def test_unknown_verified_content_is_no_error():
    post = Post()
    post.receive(post.seal(cbor.encode({0: 99})))
    assert (post.inbox.refused, post.answers, post.orders) == (0, [], [])


def test_failure_while_an_answer_is_used_is_a_fault_and_the_next_one_works():
    post = Post()
    used = []

    def use(answer):
        used.append(answer)
        if len(used) == 1:
            raise ValueError("planted")

    post.inbox._on_answer = use
    post.receive(post.seal(answer()))
    post.receive(post.seal(answer()))
    assert len(used) == 2
    assert codes(post.faults) == [reports.TASK_FAILED]


# --- orders ---


def order(dseq, kind=orders.SETTINGS, arguments=None):
    return orders.Order(dseq, kind, {1: 250, 3: True} if arguments is None else arguments)


def test_settings_order_takes_effect_and_is_kept():
    band = Band()
    obey.obey(band, order(4))
    assert (band.settings.hold_ms, band.settings.quiet, band.used) == (250, True, 1)
    assert band.last_dseq == 4
    loaded, _ = settings.load(band.storage)
    assert (loaded.hold_ms, loaded.heartbeat_s, loaded.quiet) == (250, 1200, True)
    assert band.faults.count == 0


def test_repeated_and_overtaken_orders_have_no_effect():
    band = Band()
    obey.obey(band, order(4))
    obey.obey(band, order(4, arguments={1: 900}))
    obey.obey(band, order(3, arguments={1: 900}))
    assert band.settings.hold_ms == 250
    assert band.faults.count == 0


def test_number_of_an_order_is_kept_before_it_takes_effect():
    from opaska_band import state

    band = Band()
    kept = []

    def change(arguments):
        kept.append(state.load_dseq(band.storage, band.board.nvs))

    band.settings.change = change
    obey.obey(band, order(9))
    assert kept == [9]


def test_order_whose_number_cannot_be_kept_is_refused():
    band = Band()
    band.storage.root = None
    band.board.nvs.read_only = True
    obey.obey(band, order(4))
    assert (band.settings.hold_ms, band.last_dseq) == (500, 0)
    assert codes(band.faults) == [reports.ORDER_REFUSED]


def test_orders_outside_the_allow_list_and_bad_arguments_are_refused_and_counted_as_seen():
    band = Band()
    for dseq, bad in enumerate(
        [order(1, kind) for kind in (2, 3, 5, 15, 0)]
        + [
            order(1, arguments=a)
            for a in ({1: 1_001}, {2: 59}, {3: 1}, {4: 0}, {5: 1}, {1: 5, 99: 1})
        ]
    ):
        bad.dseq = dseq + 1
        obey.obey(band, bad)
        assert band.last_dseq == dseq + 1
    assert set(codes(band.faults)) == {reports.ORDER_REFUSED}
    assert (band.settings.hold_ms, band.settings.heartbeat_s, band.used) == (500, 1200, 0)


def test_no_order_can_make_an_sos_impossible():
    band = Band()
    obey.obey(band, order(1, arguments={1: 1_000, 2: 3_600, 3: True}))
    assert band.settings.hold_ms <= 1_000
    assert set(obey.ALLOWED) == {orders.SETTINGS, orders.LOCATE, orders.ZONES, orders.MEASURE}


def test_orders_are_taken_only_by_parts_that_came_for_them_and_for_allowed_kinds():
    band = Band()
    taken = []

    def locate(order):
        taken.append(order.dseq)

    def zones(order):
        raise BodyError("bad_field", "zone 4")

    obey.take(orders.LOCATE, locate)
    obey.take(orders.ZONES, zones)
    obey.obey(band, order(1, orders.LOCATE, {}))
    obey.obey(band, order(2, orders.ZONES, {4: [0, 0, 50]}))
    obey.obey(band, order(2, orders.LOCATE, {}))
    assert taken == [1]
    assert details(band.faults) == ["kind 3: zone 4"]
    try:
        obey.take(5, locate)
    except ValueError:
        pass
    else:
        raise AssertionError("a kind that nobody allowed")


def test_a_whole_set_replaces_all_and_changes_are_nobodys_version():
    band = Band()
    obey.obey(band, order(1, arguments={0: 7, 1: 250, 9: 45}))
    assert (band.settings.version, band.settings.hold_ms, band.settings.hr_low) == (7, 250, 45)
    obey.obey(band, order(2, arguments={0: 8, 3: True}))
    assert (band.settings.version, band.settings.hold_ms, band.settings.hr_low) == (8, 500, 0)
    obey.obey(band, order(3, arguments={1: 900}))
    assert (band.settings.version, band.settings.hold_ms, band.settings.quiet) == (0, 900, True)
    loaded, _ = settings.load(band.storage)
    assert (loaded.version, loaded.hold_ms, loaded.quiet) == (0, 900, True)


def test_a_refused_set_changes_nothing_and_its_fault_says_once_what_was_wrong():
    band = Band()
    obey.obey(band, order(1, arguments={0: 3, 9: 45}))
    refused = (
        ({0: 4, 1: 200, 9: 90, 10: 60}, "settings 4: hr_low hr_high"),
        ({0: 5, 8: 0, 11: 88}, "settings 5: pulse_minutes"),
        ({0: 6, 13: 600, 14: 600}, "settings 6: awake_to"),
        ({0: 7, 12: 16}, "settings 7: inactive_hours"),
        ({0: 8, 1: 1_001}, "settings 8: hold_ms"),
        ({0: 9, 99: 1}, "settings 9: key 99"),
        ({0: "x"}, "kind 1: version"),
        ({1: 200, 10: 45}, "kind 1: hr_low hr_high"),  # with what was there before
    )
    for dseq, (arguments, _) in enumerate(refused):
        obey.obey(band, order(2 * dseq + 2, arguments=arguments))
        obey.obey(band, order(2 * dseq + 3, arguments=arguments))  # ordered once more
        assert (band.settings.version, band.settings.hold_ms, band.settings.hr_low) == (3, 500, 45)
    assert details(band.faults) == [detail for _, detail in refused]
    assert band.used == 1


def test_settings_that_the_flash_does_not_take_work_until_the_restart_and_are_a_fault():
    band = Band()
    band.storage.save = lambda name, data: False
    obey.obey(band, order(4))
    assert band.settings.hold_ms == 250
    assert len(codes(band.faults)) == 1


main(globals())
