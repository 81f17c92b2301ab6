# SPDX-License-Identifier: Apache-2.0
# NOR flash in a file: erasing a 4,096-byte block sets its bits, programming only clears them. It
# can be made to fail, and the power can be cut in the middle of any program or erase step.

import os

import control
import power
from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK_BYTES = 4096
_BLOCKS = const(64)  # 256 KiB
_NAME = power.path("flash.img")
_CHUNK = const(256)

# How much of the torn step reaches the flash
NOTHING = 0
HALF = 1
SOME_BITS = 2

_EIO = const(5)
_ERRORS = {"read_only": 30, "full": 28}  # EROFS, ENOSPC

steps = 0  # program and erase steps of this start
_fault = None  # None, "unreadable", "read_only" or "full"
_cut_at = None  # step during which the power goes, and how
_cut_mode = NOTHING
_file: "Any" = None


def step():
    """Count a step that comes now: None if it is whole, else how it tears before `power.cut`."""
    global steps
    steps += 1
    return _cut_mode if _cut_at is not None and steps > _cut_at else None


def read(at, buffer):
    """Fill `buffer` from byte `at`. Returns 0 or a negative error."""
    if _fault == "unreadable":
        return -_EIO
    _file.seek(at)
    _file.readinto(buffer)
    return 0


def program(at, data):
    """Clear the bits of `data` from byte `at` on."""
    if _fault:
        return -_ERRORS.get(_fault, _EIO)
    torn = step()
    if torn == HALF:
        data = memoryview(data)[: len(data) // 2]
    if torn != NOTHING:
        _clear_bits(at, data, 7 if torn == SOME_BITS else 1)
    if torn is not None:
        power.cut()
    return 0


def erase(block):
    """Set all bits of a block."""
    if _fault:
        return -_ERRORS.get(_fault, _EIO)
    torn = step()
    if torn == SOME_BITS:
        _set_some_bits(block * BLOCK_BYTES)
    elif torn != NOTHING:
        _blank(block * BLOCK_BYTES, BLOCK_BYTES // 2 if torn == HALF else BLOCK_BYTES)
    if torn is not None:
        power.cut()
    return 0


def _clear_bits(at, data, stride):
    old = bytearray(len(data))
    _file.seek(at)
    _file.readinto(old)
    for i in range(0, len(data), stride):
        old[i] &= data[i]
    _file.seek(at)
    _file.write(old)


def _set_some_bits(at):
    chunk = bytearray(_CHUNK)
    for place in range(at, at + BLOCK_BYTES, _CHUNK):
        _file.seek(place)
        _file.readinto(chunk)
        for i in range(_CHUNK):
            chunk[i] |= 0x55
        _file.seek(place)
        _file.write(chunk)


def _blank(at, count):
    chunk = b"\xff" * _CHUNK
    _file.seek(at)
    for _ in range(count // _CHUNK):
        _file.write(chunk)


def size():
    return _BLOCKS * BLOCK_BYTES


def _obey(name, value):
    global _fault, _cut_at, _cut_mode
    if name == "flash_fault":
        _fault = value
    elif name == "flash_cut":
        after, _cut_mode = value
        _cut_at = steps + after
    elif name == "flash_steps":
        control.send({"flash_steps": steps, "asked": value})
    else:
        return False
    return True


try:
    os.stat(_NAME)
except OSError:
    with open(_NAME + ".new", "wb") as _file:
        for _ in range(_BLOCKS * BLOCK_BYTES // _CHUNK):
            _file.write(b"\xff" * _CHUNK)
    os.rename(_NAME + ".new", _NAME)
_file = open(_NAME, "r+b")  # noqa: SIM115 - for the life of the board
control.add(_obey)
