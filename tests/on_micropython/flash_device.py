# SPDX-License-Identifier: Apache-2.0
# A board's memory in RAM: NOR flash and NVS behind one power supply that can go at any step.

import sys

# How much of the torn step reaches the flash
NOTHING = 0
HALF = 1
SOME_BITS = 2
TEARS = (NOTHING, HALF, SOME_BITS)

_BLOCK = 4096
_NOT_FOUND = -0x1102  # ESP_ERR_NVS_NOT_FOUND


class PowerCut(BaseException):
    """Nothing in the firmware may catch this."""


class Power:
    """Counts program and erase steps; the power goes in step `cut_at` (counted from 0)."""

    def __init__(self):
        self.steps = 0
        self.erases = 0
        self.cut_at = -1
        self.tear = NOTHING
        self.off = False
        self.buried = False  # the dead band's objects are about to be collected

    def goes(self):
        """Whether the power goes in the step that is about to be done."""
        if self.off:
            raise PowerCut  # dead already, but its `finally` and `with` blocks still run
        self.steps += 1
        self.off = self.steps - 1 == self.cut_at
        return self.off


class Flash:
    """A block device. Once buried it does nothing, and takes no memory for that: the garbage
    collector closes the dead band's files with the heap locked, and prints an OSError for some."""

    def __init__(self, data, power):
        self.data = data
        self.error = 0  # a negative error number for every write
        self.read_error = 0  # and one for every read
        self._power = power

    def readblocks(self, block, buffer, offset=0):
        if self._power.buried:
            return 0
        if self.read_error:
            return self.read_error
        at = block * _BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        if self._power.buried:
            return 0
        if self.error:
            return self.error
        at = block * _BLOCK + offset
        if not self._power.goes():
            self._program(at, buffer)
            return 0
        if self._power.tear == HALF:
            self._program(at, memoryview(buffer)[: len(buffer) // 2])
        elif self._power.tear == SOME_BITS:
            for i in range(0, len(buffer), 7):
                self.data[at + i] &= buffer[i]
        raise PowerCut

    def ioctl(self, request, block):
        if request == 4:
            return len(self.data) // _BLOCK
        if request == 5:
            return _BLOCK
        if request == 6 and not self._power.buried:
            return self.error or self._erase(block * _BLOCK)
        return 0

    def _program(self, at, buffer):
        """Programming clears bits and sets none."""
        old = int.from_bytes(self.data[at : at + len(buffer)], "big")
        new = old & int.from_bytes(buffer, "big")
        self.data[at : at + len(buffer)] = new.to_bytes(len(buffer), "big")

    def _erase(self, at):
        size = _BLOCK
        self._power.erases += 1
        if self._power.goes():
            if self._power.tear == SOME_BITS:
                for i in range(at, at + _BLOCK):
                    self.data[i] |= 0x55
                raise PowerCut
            size = _BLOCK // 2 if self._power.tear == HALF else 0
        self.data[at : at + size] = b"\xff" * size
        if size < _BLOCK:
            raise PowerCut
        return 0


class Nvs:
    """Values count once committed; a cut leaves all of a commit or nothing of it."""

    def __init__(self, kept, power):
        self.kept = kept
        self.broken = False
        self._values = dict(kept)
        self._power = power

    def get_i32(self, key):
        if key not in self._values:
            raise OSError(_NOT_FOUND)
        return self._values[key]

    def set_i32(self, key, value):
        if self.broken:
            raise OSError(5)
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError(key)
        self._values[key] = value

    def commit(self):
        goes = self._power.goes()
        if not goes or self._power.tear:
            self.kept.update(self._values)
        if goes:
            raise PowerCut


class Board:
    """What storage.mount and state.next_boot need of a board; also in place of `esp32`."""

    TYPE_DATA = 1
    Partition = None  # itself: esp32.Partition.find

    def __init__(self, data, nvs):
        self.power = Power()
        self.flash = Flash(data, self.power)
        self.nvs = Nvs(nvs, self.power)
        self.Partition = self
        sys.modules["esp32"] = self

    def find(self, kind, label=None):
        return [self.flash] if kind == self.TYPE_DATA and label == "state" else []


def erased(blocks):
    return bytearray(b"\xff" * (blocks * _BLOCK))
