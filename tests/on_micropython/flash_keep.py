# SPDX-License-Identifier: Apache-2.0
# storage.py, state.py and outbox.py on a flash that is new, worn, full, broken or read-only.

import gc
import os
import sys

import vfs
from flash_device import Board, erased
from flash_story import GENERATION, KEY, KID, SALT

from opaska_band import state, storage
from opaska_band.outbox import TELEMETRY, URGENT, Outbox
from opaska_protocol import reports
from opaska_protocol.channel import BandChannel

BLOCKS = 64
EIO, EROFS, ENOSPC = -5, -30, -28
UNREADABLE, FULL, READ_ONLY = reports.FLASH_UNREADABLE, reports.FLASH_FULL, reports.FLASH_READ_ONLY
LOST, DROPPED = reports.STATE_LOST, reports.REPORTS_DROPPED
BODY = bytes(20)

MAX_TELEMETRY = 256
RAM_TELEMETRY = 8
RAM_URGENT = 32


class Band:
    """A board that starts again and again on the same memory."""

    def __init__(self, blocks=BLOCKS, **nvs):
        self.data = erased(blocks)
        self.nvs = nvs or {"boot": 0}

    def start(self, read_error=0, write_error=0, nvs_broken=False):
        """(storage, boot, fault codes) of a new start."""
        try:
            vfs.umount(storage.ROOT)
        except OSError:
            pass  # the first start, or a flash that could not be mounted
        self.board = Board(self.data, self.nvs)
        self.board.flash.read_error = read_error
        self.board.flash.error = write_error
        self.board.nvs.broken = nvs_broken
        mounted = storage.mount(self.board)
        boot, faults = state.next_boot(mounted, self.board.nvs)
        return mounted, boot, mounted.faults + faults

    def open(self, **errors):
        """An Outbox after a new start; it appends its faults to `faults`."""
        self.storage, self.boot, _ = self.start(**errors)
        self.faults = []
        self.channel = BandChannel(KID, GENERATION, KEY, self.boot, SALT)
        self.outbox = Outbox(self.storage, self.faults.append)
        return self.outbox

    def seal(self, seq):
        return self.channel.seal(seq, BODY)

    def put(self, letter, seq):
        return self.outbox.put(letter, self.boot, seq, self.seal(seq))

    def write(self, name, data):
        with open(storage.ROOT + "/out/" + name, "wb") as file:
            file.write(data)


def files():
    return sorted(os.listdir(storage.ROOT + "/out"))


# --- storage ---


def test_erased_flash_is_formatted_at_the_first_start():
    band = Band()
    mounted, boot, faults = band.start()
    assert (mounted.root, boot, faults) == (storage.ROOT, 1, [])
    assert band.nvs["badflash"] == 0


def test_a_broken_file_system_is_kept_for_three_starts_and_then_replaced():
    band = Band()
    band.start()
    band.data[:8192] = bytes(8192)
    for boot in (2, 3, 4):
        mounted, number, faults = band.start()
        assert (mounted.root, number, faults) == (None, boot, [UNREADABLE]), faults
    mounted, number, faults = band.start()
    assert (mounted.root, number, faults) == (storage.ROOT, 5, [DROPPED, LOST]), faults
    assert band.start()[1:] == (6, [])


def test_flash_that_was_unreadable_for_two_starts_keeps_its_reports():
    band = Band()
    band.open()
    band.put(URGENT, 1)
    for _ in range(2):
        assert band.open(read_error=EIO).count == 0
    assert band.open().urgent == [(1, 1)]
    assert band.nvs["badflash"] == 0


def test_a_dead_flash_never_stops_the_start():
    band = Band()
    for boot in range(1, 8):
        mounted, number, faults = band.start(read_error=EIO, write_error=EIO)
        assert (mounted.root, number, faults) == (None, boot, [UNREADABLE]), (number, faults)


def test_a_state_file_is_replaced_as_a_whole_or_not_at_all():
    band = Band()
    mounted = band.start()[0]
    assert mounted.load("settings") is None
    assert mounted.save("settings", b"old")
    assert mounted.load("settings") == b"old"
    band.board.flash.error = ENOSPC
    assert not mounted.save("settings", b"new")
    assert mounted.trouble == FULL
    band.board.flash.error = EROFS
    assert not mounted.save("settings", b"new")
    assert mounted.trouble == READ_ONLY
    assert band.start()[0].load("settings") == b"old"


# --- state ---


def test_the_boot_number_rises_with_every_start():
    band = Band()
    assert [band.start()[1:] for _ in range(4)] == [(n, []) for n in (1, 2, 3, 4)]


def test_one_lost_copy_of_the_boot_number_is_a_fault_and_the_other_counts_on():
    band = Band()
    band.start()
    del band.nvs["boot"]
    assert band.start()[1:] == (2, [LOST])
    os.remove(storage.ROOT + "/boot")
    assert band.start()[1:] == (3, [LOST])
    band.storage = band.start()[0]
    band.storage.save("boot", b"???")
    assert band.start()[1:] == (5, [LOST])
    assert band.start()[1:] == (6, [])


def test_with_both_copies_lost_the_boot_number_is_random_and_high():
    seen = set()
    for _ in range(20):
        band = Band(other=1)
        _, boot, faults = band.start()
        assert faults == [LOST]
        assert 0x80000000 <= boot < 0xFFFFFFFF
        assert band.start()[1:] == (boot + 1, [])
        seen.add(boot)
    assert len(seen) == 20


def test_the_last_boot_number_is_followed_by_a_random_one():
    band = Band(boot=-1)
    band.start()[0].save("boot", b"\xff\xff\xff\xff")
    band.nvs["boot"] = -1
    _, boot, _ = band.start()
    assert 0x80000000 <= boot < 0xFFFFFFFF


def test_read_only_flash_leaves_the_counting_to_nvs():
    band = Band()
    band.start()
    for boot in (2, 3, 4):
        assert band.start(write_error=EROFS)[1:] == (boot, [READ_ONLY])
    assert band.start()[1:] == (5, [])


def test_broken_nvs_leaves_the_counting_to_the_flash():
    band = Band()
    band.start()
    for boot in (2, 3, 4):
        assert band.start(nvs_broken=True)[1:] == (boot, [LOST])


def test_a_boot_number_that_nobody_keeps_is_not_used_twice():
    band = Band()
    band.start()
    boots = {band.start(write_error=EROFS, nvs_broken=True)[1] for _ in range(20)}
    assert len(boots) == 20
    assert min(boots) >= 0x80000000


def test_an_order_number_counts_only_when_it_is_kept():
    band = Band()
    mounted = band.start()[0]
    assert state.load_dseq(mounted, band.board.nvs) == 0
    assert state.save_dseq(mounted, band.board.nvs, 0xFFFFFFF0)
    assert state.load_dseq(mounted, band.board.nvs) == 0xFFFFFFF0
    band.board.flash.error = EROFS
    assert state.save_dseq(mounted, band.board.nvs, 0xFFFFFFF1)
    band.board.nvs.broken = True
    assert not state.save_dseq(mounted, band.board.nvs, 0xFFFFFFF2)
    mounted = band.start()[0]
    assert state.load_dseq(mounted, band.board.nvs) == 0xFFFFFFF1


# --- outbox ---


def test_reports_wait_urgent_first_and_oldest_first_across_starts():
    band = Band()
    band.open()
    for letter, seq in ((TELEMETRY, 1), (URGENT, 2), (TELEMETRY, 3), (URGENT, 4)):
        assert band.put(letter, seq)
    band.open()
    band.put(URGENT, 1)
    want = [(URGENT, 1, 2), (URGENT, 1, 4), (URGENT, 2, 1), (TELEMETRY, 1, 1), (TELEMETRY, 1, 3)]
    assert list(band.outbox.waiting()) == want
    assert (band.outbox.count, len(band.outbox.urgent), band.faults) == (5, 3, [])
    old = BandChannel(KID, GENERATION, KEY, 1, SALT)
    assert band.outbox.read(URGENT, 1, 2) == old.seal(2, BODY)


def test_remove_frees_once_and_for_ever():
    band = Band()
    band.open()
    band.put(URGENT, 1)
    band.put(TELEMETRY, 2)
    assert band.outbox.remove(1, 1)
    assert not band.outbox.remove(1, 1)
    assert band.outbox.read(URGENT, 1, 1) is None
    assert not band.outbox.remove(9, 9)
    assert list(band.open().waiting()) == [(TELEMETRY, 1, 2)]


def test_broken_files_count_as_absent_and_are_removed():
    band = Band()
    band.open()
    band.put(URGENT, 1)
    band.write("a0000000100000002", b"")
    band.write("a0000000100000003", b"short")
    band.write("whatever", bytes(60))
    band.write("b0000000100000004", bytes(60))
    band.write("a000000010000000G", bytes(60))
    band.write("a0000000100000005", bytes(60))  # its content is looked at when it is sent
    band.write("t0000000100000006", band.seal(7))
    outbox = band.open()
    assert (outbox.discarded, outbox.count) == (5, 3)
    assert outbox.read(URGENT, 1, 5) is None
    assert outbox.read(TELEMETRY, 1, 6) is None
    assert (outbox.discarded, outbox.count, band.faults) == (7, 1, [])
    assert files() == ["a0000000100000001"]


def test_telemetry_stops_before_the_flash_is_full_and_an_sos_still_finds_room():
    band = Band()
    band.open()
    seq = 0
    while band.put(TELEMETRY, seq):
        seq += 1
    status = os.statvfs(storage.ROOT)
    print("telemetry", seq, "free blocks", status[3], "of", status[2])
    assert seq >= 200
    assert band.faults == [DROPPED]
    assert seq == MAX_TELEMETRY or status[3] * 4 >= status[2] - 4
    for urgent in range(50):
        assert band.put(URGENT, 10_000 + urgent)
    assert len(files()) == seq + 50
    assert band.faults == [DROPPED]
    outbox = band.open()
    assert (len(outbox.urgent), outbox.count) == (50, seq + 50)


def test_urgent_reports_never_run_the_flash_full():
    band = Band()
    band.open()
    seq = 0
    while not band.faults:
        assert band.put(URGENT, seq)
        seq += 1
    print("urgent", seq, "free blocks", os.statvfs(storage.ROOT)[3])
    assert band.faults == [FULL]
    assert len(files()) == seq - 1
    for _ in range(300):
        assert band.storage.save("boot", b"1234")
        assert band.storage.save("settings", BODY)
    for removed in range(seq - 1):
        band.outbox.remove(band.boot, removed)
        band.outbox.settle()
    assert files() == ["a%08x%08x" % (band.boot, seq - 1)]  # the last one moved to the flash


def test_with_dead_flash_an_sos_is_kept_in_ram_and_never_makes_way_for_telemetry():
    for errors in ({"read_error": EIO}, {"write_error": EROFS}, {"write_error": ENOSPC}):
        band = Band()
        band.open()
        band.open(**errors)
        assert band.put(URGENT, 1)
        for seq in range(2, 100):
            assert band.put(TELEMETRY, seq)
        assert band.outbox.urgent == [(band.boot, 1)]
        assert len(band.outbox.telemetry) == RAM_TELEMETRY
        assert band.outbox.read(URGENT, band.boot, 1) == band.seal(1)
        assert band.outbox.read(TELEMETRY, band.boot, 99) == band.seal(99)
        assert band.faults.count(DROPPED) == 1
        assert len(band.faults) <= 2, band.faults
        assert band.outbox.remove(band.boot, 1)
        assert band.outbox.urgent == []


def test_ram_is_bounded_and_keeps_the_latest():
    band = Band()
    band.open(read_error=EIO, write_error=EIO)
    for seq in range(RAM_URGENT + 5):
        assert band.put(URGENT, seq)
    assert band.outbox.urgent == [(band.boot, seq) for seq in range(5, RAM_URGENT + 5)]
    assert band.faults == [DROPPED]


def test_what_ram_kept_moves_to_the_flash_when_that_works_again():
    band = Band()
    band.open()
    band.board.flash.error = EROFS
    band.put(URGENT, 1)
    band.put(TELEMETRY, 2)
    band.outbox.settle()
    assert band.faults == [READ_ONLY]
    band.board.flash.error = 0
    band.outbox.settle()
    assert band.open().count == 2
    band.board.flash.error = EROFS
    band.put(URGENT, 3)
    assert band.faults == [READ_ONLY]  # a new trouble is reported again


def test_an_sos_moves_to_the_flash_although_telemetry_finds_no_room_there():
    band = Band()
    band.open()
    band.board.flash.error = EROFS
    band.put(TELEMETRY, 1)
    band.put(URGENT, 2)
    band.board.flash.error = 0
    band.outbox.telemetry.extend((0, seq) for seq in range(MAX_TELEMETRY))
    band.outbox.settle()
    assert band.open().urgent == [(1, 2)]


def test_a_report_that_cannot_be_deleted_is_not_sent_again_and_goes_later():
    band = Band()
    band.open()
    band.put(URGENT, 1)
    band.board.flash.error = EIO
    assert band.outbox.remove(1, 1)
    assert band.outbox.count == 0
    assert band.outbox.read(URGENT, 1, 1) is None
    assert len(files()) == 1
    band.board.flash.error = 0
    band.outbox.settle()
    assert files() == []


def test_a_failing_read_loses_nothing_and_the_last_sos_is_in_ram():
    band = Band()
    band.open()
    band.put(URGENT, 1)
    for seq in range(2, 8):
        band.put(TELEMETRY, seq)
    band.board.flash.read_error = EIO
    assert band.outbox.read(URGENT, 1, 1) == band.seal(1)
    assert band.outbox.read(TELEMETRY, 1, 2) is None  # kept: it may be readable later
    assert band.faults == [UNREADABLE]
    assert band.outbox.count == 7
    band.board.flash.read_error = 0
    sealed = band.seal(2)
    assert band.outbox.read(TELEMETRY, 1, 2) in (sealed, None)  # littlefs kept stale bytes
    assert band.outbox.count == 7
    assert band.outbox.discarded == 0
    assert band.open().read(TELEMETRY, 1, 2) == sealed


def test_a_full_index_fits_in_a_small_heap():
    band = Band()
    band.open()
    sealed = band.seal(1)
    gc.collect()
    before = gc.mem_alloc()
    for seq in range(200):
        band.outbox.put(TELEMETRY, 1, seq, sealed)
    for seq in range(200, 260):
        band.outbox.put(URGENT, 1, seq, sealed)
    gc.collect()
    used = gc.mem_alloc() - before
    print("heap for %d records: %d" % (band.outbox.count, used))
    assert used < 14_000, used


def main(name):
    globals()[name]()
    print("passed")


main(sys.argv[1])
