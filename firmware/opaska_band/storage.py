# SPDX-License-Identifier: Apache-2.0
"""The band's flash: littlefs on the partition "state", mounted at /state, and its small files.

Nothing here raises: a band whose flash is broken still sends its SOS from RAM (outbox.py).
"""

import errno
import os

import vfs
from micropython import const

from opaska_protocol import reports

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

ROOT = "/state"
_LABEL = const("state")
_ENOSPC = const(28)  # not in MicroPython's errno

# Unmountable once may be a brown-out; three starts in a row is a broken file system. Its reports
# cannot be read by waiting longer, and a band that keeps nothing breaks every later promise.
_REFORMAT_AFTER = const(3)
_BAD_BOOTS = const("badflash")  # NVS: starts in a row without a readable flash, or _FORMATTING
_FORMATTING = const(255)  # a format of erased flash was begun; a power cut does not end it
_CHUNK = const(512)  # bytes compared at a time when looking for erased flash


class Storage:
    """`root` is the folder of the band's files, None without usable flash; `faults` are codes."""

    def __init__(self, root: "str | None", faults: "Sequence[int]" = ()) -> None:
        self.root = root
        self.faults = list(faults)
        self.trouble = 0  # fault code of the last failed save, 0 when it went well

    def load(self, name: str) -> "bytes | None":
        """The content of a small file: None when there is none, b"" when it cannot be read."""
        if self.root is None:
            return None
        try:
            with open(self.root + "/" + name, "rb") as file:
                return file.read()
        except OSError as error:
            return None if error.errno == errno.ENOENT else b""

    def save(self, name: str, data: bytes) -> bool:
        """Replace a small file (at most 128 bytes) as a whole; True when it reads back alike.

        littlefs commits new content at close and not before: a power cut leaves the old or the
        new content, so no second file and rename are needed.
        """
        if self.root is None:
            return False
        try:
            with open(self.root + "/" + name, "wb") as file:
                file.write(data)
            self.trouble = 0 if self.load(name) == data else reports.FLASH_READ_ONLY
        except OSError as error:
            self.trouble = trouble(error)
        return self.trouble == 0


def trouble(error: OSError) -> int:
    """The fault code of a failed write."""
    return reports.FLASH_FULL if error.errno == _ENOSPC else reports.FLASH_READ_ONLY


def mount(board: "Any") -> Storage:
    """The band's Storage, formatted when the flash is erased. What is wrong is in `faults`."""
    partition = _partition()
    if partition is None:
        return _folder()
    bad_boots = _bad_boots(board.nvs)
    if _attach(partition) or _attach(partition):
        _note(board.nvs, bad_boots, 0)
        return Storage(ROOT)
    given_up = _REFORMAT_AFTER <= bad_boots < _FORMATTING
    if not given_up and bad_boots != _FORMATTING and not _erased(partition):
        _note(board.nvs, bad_boots, bad_boots + 1)
        return Storage(None, [reports.FLASH_UNREADABLE])
    if not given_up:
        _note(board.nvs, bad_boots, _FORMATTING)
    if not _format(partition):
        return Storage(None, [reports.FLASH_UNREADABLE])
    _note(board.nvs, -1, 0)
    return Storage(ROOT, [reports.REPORTS_DROPPED] if given_up else [])


def _partition() -> "Any":
    try:
        import esp32

        return esp32.Partition.find(esp32.Partition.TYPE_DATA, label=_LABEL)[0]
    except (ImportError, IndexError, OSError):
        return None


def _folder() -> Storage:
    """Without a partition of its own the band keeps its files in a folder of the root."""
    try:
        os.mkdir(ROOT)
    except OSError as error:
        if error.errno != errno.EEXIST:
            return Storage(None, [trouble(error)])
    return Storage(ROOT)


def _attach(partition: "Any") -> bool:
    try:
        # No modification times: they would take 12 bytes of flash for each report.
        vfs.mount(vfs.VfsLfs2(partition, mtime=False), ROOT)
    except OSError:
        return False
    return True


def _format(partition: "Any") -> bool:
    try:
        vfs.VfsLfs2.mkfs(partition)
    except OSError:
        return False
    return _attach(partition)


def _erased(partition: "Any") -> bool:
    chunk = bytearray(_CHUNK)
    blank = b"\xff" * _CHUNK
    try:
        blocks, size = partition.ioctl(4, 0), partition.ioctl(5, 0)
        for block in range(blocks):
            for offset in range(0, size, _CHUNK):
                partition.readblocks(block, chunk, offset)
                if chunk != blank:
                    return False
    except OSError:
        return False
    return True


def _bad_boots(nvs: "Any") -> int:
    try:
        return nvs.get_i32(_BAD_BOOTS)
    except OSError:
        return 0


def _note(nvs: "Any", before: int, now: int) -> None:
    if now != before:
        try:
            nvs.set_i32(_BAD_BOOTS, now)
            nvs.commit()
        except OSError:
            pass  # the count is a help, not a promise
