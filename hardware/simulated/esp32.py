# SPDX-License-Identifier: Apache-2.0
# MicroPython's `esp32`: NVS in nvs.json, the partition "state" in flash.img, and pins that wake.

import binascii
import json
import os

import flash
import power
from micropython import const
from pins import BY_GPIO, number, wakers

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_NVS_FILE = power.path("nvs.json")
_NOT_FOUND = const(-0x1102)  # ESP_ERR_NVS_NOT_FOUND
_INVALID_LENGTH = const(-0x110C)
_KEY_TOO_LONG = const(-0x1109)
_MAX_KEY = const(15)


def wake_on_ext0(pin, level):
    _arm(0, [] if pin is None else [pin], level)


def wake_on_ext1(pins, level):
    _arm(1, pins or [], level)


def wake_on_gpio(pins, level):
    _arm(BY_GPIO, pins or [], level)


def _arm(slot, pins, level):
    for waker in wakers[:]:
        if waker[2] == slot:
            wakers.remove(waker)
    for pin in pins:
        wakers.append([number(pin), 1 if level else 0, slot])


class NVS:
    """Numbers are kept as numbers, blobs as hex. What is not committed is lost at a reset."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._values = _read_nvs().get(namespace, {})

    def get_i32(self, key):
        return self._get(key, int)

    def set_i32(self, key, value):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        self._set(key, value)

    def get_blob(self, key, buffer):
        blob = binascii.unhexlify(self._get(key, str))
        if len(blob) > len(buffer):
            raise OSError(_INVALID_LENGTH)
        buffer[: len(blob)] = blob
        return len(blob)

    def set_blob(self, key, value):
        self._set(key, binascii.hexlify(value).decode())

    def erase_key(self, key):
        self._get(key, (int, str))
        del self._values[key]

    def commit(self):
        # ESP-IDF's NVS survives a cut with the old or the new value, never with something between.
        torn = flash.step()
        if torn != flash.NOTHING:
            everything = _read_nvs()
            everything[self._namespace] = self._values
            with open(_NVS_FILE + ".new", "w") as file:
                json.dump(everything, file)
            os.rename(_NVS_FILE + ".new", _NVS_FILE)
        if torn is not None:
            power.cut()

    def _get(self, key, kind):
        value = self._values.get(key)
        if not isinstance(value, kind):
            raise OSError(_NOT_FOUND)
        return value

    def _set(self, key, value):
        if len(key) > _MAX_KEY:
            raise OSError(_KEY_TOO_LONG)
        self._values[key] = value


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1
    _LABEL = "state"
    _SUBTYPE = 0x81
    _ADDRESS = 0x3D0000

    def __init__(self, id, block_size=flash.BLOCK_BYTES):
        if id != self._LABEL:
            raise OSError(2)  # ENOENT: this board has no other
        self._block_bytes = block_size

    @classmethod
    def find(cls, type=TYPE_APP, subtype=0xFF, label=None, block_size=flash.BLOCK_BYTES):
        found = type == cls.TYPE_DATA and subtype in (0xFF, cls._SUBTYPE)
        return [cls(cls._LABEL, block_size)] if found and label in (None, cls._LABEL) else []

    def info(self):
        return (self.TYPE_DATA, self._SUBTYPE, self._ADDRESS, flash.size(), self._LABEL, False)

    def readblocks(self, block, buffer, offset=0):
        return flash.read(block * self._block_bytes + offset, buffer)

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:  # the simple block protocol erases first
            for erased in range(len(buffer) // self._block_bytes):
                flash.erase(block + erased)
        return flash.program(block * self._block_bytes + (offset or 0), buffer)

    def ioctl(self, request, value):
        if request == 4:
            return flash.size() // self._block_bytes
        if request == 5:
            return self._block_bytes
        if request == 6:
            return flash.erase(value)
        return 0


def _read_nvs():
    try:
        with open(_NVS_FILE) as file:
            return json.load(file)
    except OSError:
        return {}
