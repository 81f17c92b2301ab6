# SPDX-License-Identifier: Apache-2.0
"""Sealed reports, kept until the gateway's sealed STORED frees them: one file per report.

A file holds the frame exactly; up to 128 bytes littlefs keeps it inside the directory and commits
it, at close, in one piece. So a power cut leaves the whole frame or an empty file, which counts
as absent; a second name and a rename would add a write and no safety.

littlefs that has run full needs dozens of deletes before it writes again, so nobody may fill it:
telemetry stops first, urgent reports later, and what is left belongs to the boot counter. What
the flash does not take is kept in RAM and moved to the flash when that works again.
"""

import errno
import os

from micropython import const

from opaska_protocol import frame, reports
from opaska_protocol.errors import ProtocolError

from .storage import Storage, trouble

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Key = tuple[int, int]  # boot, seq

URGENT = "a"
TELEMETRY = "t"

_TELEMETRY_STOPS_PERCENT = const(75)  # of the flash in use; the rest is kept for an SOS
# Free blocks that nobody takes: a growing directory needs two at a time, and with these left the
# boot counter and the deletes still worked in 600 of 600 tries (flash_keep.py).
_KEPT_BLOCKS = const(4)
# An entry takes 40 bytes of heap here and half of that on an ESP32, whatever the flash could hold.
_MAX_TELEMETRY = const(256)
_MAX_URGENT = const(512)
_RAM_TELEMETRY = const(8)  # kept in RAM while the flash fails: the latest ones
_RAM_URGENT = const(32)
_RECENT = const(4)  # last urgent frames also kept in RAM: sent even if the flash dies now
_SHORTEST = const(40)  # bytes; no sealed frame is shorter


class Outbox:
    """`urgent` and `telemetry` list the (boot, seq) of waiting reports, oldest first: read only.

    `on_fault(code)` is called when a trouble begins; it must only take a note of it.
    `on_put(letter, boot, seq)`, if set, is called for each report taken.
    """

    def __init__(self, storage: Storage, on_fault: "Callable[[int], object]") -> None:
        self.on_put: "Callable[[str, int, int], None] | None" = None
        self.discarded = 0  # broken files found and removed
        self.urgent: "list[Key]" = []
        self.telemetry: "list[Key]" = []
        self._on_fault = on_fault
        self._known_faults: "set[int]" = set()
        self._ram: "dict[Key, tuple[str, bytes]]" = {}  # letter and frame; not on the flash
        self._recent: "list[tuple[int, int, bytes]]" = []  # frames of the last urgent ones
        self._doubtful = False  # a read has failed: littlefs may now serve stale bytes for others
        self._stuck: "list[str]" = []  # names of removed reports whose file would not go
        self._folder = storage.root + "/out/" if storage.root else ""
        if self._folder:
            self._scan()

    @property
    def count(self) -> int:
        return len(self.urgent) + len(self.telemetry)

    def waiting(self) -> "Iterator[tuple[str, int, int]]":
        """(letter, boot, seq) of every waiting report, urgent first, oldest first."""
        for boot, seq in self.urgent:
            yield URGENT, boot, seq
        for boot, seq in self.telemetry:
            yield TELEMETRY, boot, seq

    def put(self, letter: str, boot: int, seq: int, sealed: bytes) -> "bool | None":
        """True when the report is kept: on the flash, else in RAM with a fault. None: refused.

        Only telemetry is refused; an urgent report never is, and nothing is raised for it.
        """
        room = self._room(letter)
        if self._folder and not room and letter == TELEMETRY:
            self._fault(reports.REPORTS_DROPPED)
            return None
        if not room or not self._write(letter, boot, seq, sealed):
            self._keep_in_ram(letter, boot, seq, sealed)
        if letter == URGENT:
            self._recent.append((boot, seq, sealed))
            del self._recent[:-_RECENT]
        keys = self._keys(letter)
        keys.append((boot, seq))
        if len(keys) > 1 and keys[-2] > keys[-1]:
            keys.sort()  # after a lost boot counter the numbers may jump back
        if self.on_put:
            self.on_put(letter, boot, seq)
        return True

    def has_lasting(self, boot: int, seq: int) -> bool:
        """Whether a report that was taken would survive a loss of power now."""
        return (boot, seq) not in self._ram

    def read(self, letter: str, boot: int, seq: int) -> "bytes | None":
        """The frame of a waiting report, or None; what is no frame is removed.

        Not so after a failed read: only the next start knows then what is on the flash.
        """
        if (boot, seq) in self._ram:
            return self._ram[boot, seq][1]
        for recent in self._recent:
            if recent[:2] == (boot, seq):
                return recent[2]
        if (boot, seq) not in self._keys(letter):
            return None
        sealed = self._load(_name(letter, boot, seq))
        if sealed is None or _is_frame(sealed, boot, seq):
            return sealed
        if not self._doubtful:
            self.discarded += 1
            self.remove(boot, seq)
        return None

    def remove(self, boot: int, seq: int) -> bool:
        """Forget a report: only after a verified STORED. True if it was waiting."""
        for letter in (URGENT, TELEMETRY):
            keys = self._keys(letter)
            if (boot, seq) in keys:
                keys.remove((boot, seq))
                self._recent = [r for r in self._recent if r[:2] != (boot, seq)]
                if self._ram.pop((boot, seq), None) is None:
                    self._delete(_name(letter, boot, seq))
                return True
        return False

    def settle(self) -> None:
        """Catch up after trouble: RAM reports to the flash, removed files off it."""
        stuck, self._stuck = self._stuck, []
        for name in stuck:
            self._delete(name)
        # urgent ones first: telemetry may find no room where an SOS does
        kept = sorted([(letter, key) for key, (letter, _) in self._ram.items()])
        for letter, (boot, seq) in kept:
            sealed = self._ram[boot, seq][1]
            if not self._room(letter) or not self._write(letter, boot, seq, sealed):
                break
            del self._ram[boot, seq]
        if not self._ram and not self._stuck and self._room(TELEMETRY):
            self._known_faults.clear()  # the trouble is over; the next one is reported again

    # --- the flash ---

    def _scan(self) -> None:
        broken = []
        try:
            os.mkdir(self._folder[:-1])
        except OSError as error:
            if error.errno != errno.EEXIST:
                self._fault(trouble(error))
        try:
            for entry in os.ilistdir(self._folder[:-1]):
                key = _key(entry[0])
                if key is None or (len(entry) > 3 and entry[3] < _SHORTEST):
                    broken.append(entry[0])
                else:
                    self._keys(entry[0][0]).append(key)
        except OSError as error:
            if error.errno != errno.ENOENT:  # no folder, no reports
                self._fault(reports.FLASH_UNREADABLE)
        self.discarded += len(broken)
        for name in broken:
            self._delete(name)
        self.urgent.sort()
        self.telemetry.sort()

    def _room(self, letter: str) -> bool:
        """Whether the flash may take one more. Measured each time: nobody may run it full."""
        if not self._folder:
            return False
        try:
            status = os.statvfs(self._folder[:-1])
        except OSError:
            self._fault(reports.FLASH_UNREADABLE)
            return False
        blocks, free = status[2], status[3]
        if letter == TELEMETRY:
            used_percent = 100 - 100 * free // blocks
            return used_percent < _TELEMETRY_STOPS_PERCENT and len(self.telemetry) < _MAX_TELEMETRY
        room = free > _KEPT_BLOCKS and len(self.urgent) < _MAX_URGENT
        if not room:
            self._fault(reports.FLASH_FULL)
        return room

    def _write(self, letter: str, boot: int, seq: int, sealed: bytes) -> bool:
        """Whether the frame is now durable on the flash."""
        name = _name(letter, boot, seq)
        try:
            with open(self._folder + name, "wb") as file:
                file.write(sealed)
        except OSError as error:
            self._fault(trouble(error))
            self._delete(name)
            return False
        if name in self._stuck:
            self._stuck.remove(name)  # wanted again
        return True

    def _load(self, name: str) -> "bytes | None":
        try:
            with open(self._folder + name, "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno == errno.ENOENT:
                return b""
            self._doubtful = True
            self._fault(reports.FLASH_UNREADABLE)
            return None

    def _delete(self, name: str) -> None:
        try:
            os.remove(self._folder + name)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self._stuck.append(name)

    # --- RAM ---

    def _keep_in_ram(self, letter: str, boot: int, seq: int, sealed: bytes) -> None:
        """Each letter has its own room, so an SOS never makes way for telemetry."""
        same = sorted([key for key, kept in self._ram.items() if kept[0] == letter])
        if len(same) >= (_RAM_URGENT if letter == URGENT else _RAM_TELEMETRY):
            self._fault(reports.REPORTS_DROPPED)
            del self._ram[same[0]]
            self._keys(letter).remove(same[0])
        self._ram[boot, seq] = (letter, sealed)

    def _keys(self, letter: str) -> "list[Key]":
        return self.urgent if letter == URGENT else self.telemetry

    def _fault(self, code: int) -> None:
        if code not in self._known_faults:
            self._known_faults.add(code)
            self._on_fault(code)


def _name(letter: str, boot: int, seq: int) -> str:
    return "%s%08x%08x" % (letter, boot, seq)


def _key(name: str) -> "Key | None":
    """(boot, seq) of a file name that `_name` could have made, else None."""
    try:
        key = int(name[1:9], 16), int(name[9:], 16)
        return key if name == _name(name[0], *key) and name[0] in (URGENT, TELEMETRY) else None
    except (ValueError, IndexError):
        return None


def _is_frame(sealed: bytes, boot: int, seq: int) -> bool:
    try:
        header = frame.parse_up(sealed)[0]
        return header.boot == boot and header.seq == seq
    except ProtocolError:
        return False
