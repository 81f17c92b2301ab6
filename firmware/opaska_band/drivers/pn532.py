# SPDX-License-Identifier: Apache-2.0
# PN532 NFC reader: which card of ISO 14443 type A is there, and what it answers. User manual: NXP
# UM0701-02; frames are its chapter 6.2, commands its chapter 7, errors of the air its 7.1.
#
# Without `find` it has no current, 2 uA. Its field is on only while it looks, so a card that is
# held on is found anew each time, and begins anew. The level of IRQ is looked at, no interrupt is
# taken: one that chatters costs nothing, and without it the ready byte on the bus says the same.

import asyncio
import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

# Why an NfcError, for the technician.
NO_ANSWER = "no answer"
OTHER_CHIP = "another chip"
WRONG_FRAME = "wrong frame"
REFUSED = "command refused"
TOO_LONG = "too long"  # and why a CardError
# What is wrong although it works.
NO_INTERRUPT = "no interrupt"
INTERRUPT_STUCK = "interrupt stuck"

_ADDRESS = const(0x24)
_READY = const(0x01)
_TO_CHIP = const(0xD4)
_GET_FIRMWARE_VERSION = const(0x02)
_SAM_CONFIGURATION = const(0x14)
_RF_CONFIGURATION = const(0x32)
_DATA_EXCHANGE = const(0x40)
_LIST_TARGET = const(0x4A)
_NACK = b"\x00\x00\xff\xff\x00\x00"  # say that again
_ACK = b"\x01\x00\x00\xff\x00\xff\x00"  # behind the ready byte
_IS_PN532 = const(0x32)
_NORMAL_MODE = b"\x01\x14\x01"  # no secure element, IRQ is used
_FIELD_OFF = b"\x01\x00"
_TRIES = b"\x05\xff\x01\x02"  # to find a card: three, then the answer is that there is none
_TWO_OF_TYPE_A = b"\x02\x00"  # cards at most, 106 kbit/s
_FIRST = b"\x01"  # the card that `find` has found
_IS_SMART = const(0x20)  # of SEL_RES: ISO 14443-4

_BEFORE = const(8)  # bytes of an answer in front of its data: ready, 00 00 FF, LEN, LCS, TFI, code
_SHORT = const(96)  # bytes read of an answer: two cards with all that they say fit
_LONG = const(200)  # of one with the data of a card
_BOOT_MS = const(10)  # 2 ms by the data sheet, and the crystal
_STEP_MS = const(2)  # between two looks at IRQ
_GRACE_MS = const(40)  # so long IRQ is believed
_ACK_MS = const(100)
_ANSWER_MS = const(1_000)  # the chip gives up a silent card sooner
_PAUSE_MS = const(80)  # between two looks for a card, with the field off
_FALSE_ALARMS = const(3)


class NfcError(Exception):
    """The reader does not work; the text is for the technician."""


class CardError(NfcError):
    """The card went away, or says what cannot be; the reader works."""


class PN532:
    """NfcError when it is not there, or talks nonsense. `off` has the last word, also then."""

    def __init__(self, i2c: "Any", irq: "Any", reset: "Any") -> None:
        self.trouble = ""  # of IRQ; all else works
        self.is_smart = False  # the card found last can be asked with `exchange`
        self._i2c = i2c
        self._irq = irq
        self._reset = reset
        self._is_on = False
        self._false = 0  # times that IRQ was low for nothing
        self._frame = bytearray(_LONG)

    async def find(self, timeout_ms: int) -> "bytes | None":
        """The number of the card that is there, or comes in time; with two it would be a guess,
        so that is none. It looks once at least."""
        end_ms = time.ticks_add(time.ticks_ms(), timeout_ms)
        while True:
            number = await self._look_safely()
            if number or time.ticks_diff(end_ms, time.ticks_ms()) <= 0:
                return number
            await asyncio.sleep_ms(_PAUSE_MS)

    async def exchange(self, data: bytes) -> bytes:
        """What the card answers. CardError when it went away."""
        size = await self._call(_DATA_EXCHANGE, _FIRST, data, _LONG)
        if not size or self._frame[_BEFORE] != 0:
            raise CardError("%#04x" % self._frame[_BEFORE])
        return bytes(memoryview(self._frame)[_BEFORE + 1 : _BEFORE + size])

    def off(self) -> None:
        """No current, until the next `find`."""
        self._is_on = False
        self._reset.value(0)

    async def _look_safely(self) -> "bytes | None":
        """Once more from the start when something on the bus went wrong."""
        try:
            return await self._look()
        except NfcError:
            self.off()
            await asyncio.sleep_ms(_BOOT_MS)
            return await self._look()

    async def _look(self) -> "bytes | None":
        if self._is_on:
            await self._call(_RF_CONFIGURATION, _FIELD_OFF)
        else:
            await self._start()
        size = await self._call(_LIST_TARGET, _TWO_OF_TYPE_A)
        number = self._number(size)
        if not number:
            await self._call(_RF_CONFIGURATION, _FIELD_OFF)
        return number

    async def _start(self) -> None:
        self._reset.value(0)
        await asyncio.sleep_ms(_STEP_MS)
        self._reset.value(1)
        await asyncio.sleep_ms(_BOOT_MS)
        await self._call(_SAM_CONFIGURATION, _NORMAL_MODE)
        size = await self._call(_GET_FIRMWARE_VERSION, b"")
        if size != 4 or self._frame[_BEFORE] != _IS_PN532:
            raise NfcError(OTHER_CHIP)
        await self._call(_RF_CONFIGURATION, _TRIES)
        self._is_on = True

    def _number(self, size: int) -> "bytes | None":
        """Of the card that was found: behind its count, number, SENS_RES and SEL_RES."""
        frame = self._frame
        if not size or frame[_BEFORE] != 1:
            return None
        if size < 6 or size < 6 + frame[_BEFORE + 5] or frame[_BEFORE + 5] not in (4, 7, 10):
            raise NfcError(WRONG_FRAME)
        self.is_smart = frame[_BEFORE + 4] & _IS_SMART != 0
        return bytes(memoryview(frame)[_BEFORE + 6 : _BEFORE + 6 + frame[_BEFORE + 5]])

    # --- frames ---

    async def _call(
        self, command: int, data: bytes, more: bytes = b"", longest: int = _SHORT
    ) -> int:
        """Bytes of data in the answer, which is in `_frame` from `_BEFORE` on."""
        await self._write(self._packed(command, data, more))
        await self._read(len(_ACK), _ACK_MS)
        if bytes(memoryview(self._frame)[: len(_ACK)]) != _ACK:
            raise NfcError(WRONG_FRAME)
        await self._read(longest, _ANSWER_MS)
        size = self._size(command, longest)
        if size < 0:
            await self._write(_NACK)
            await self._read(longest, _ACK_MS)
            size = self._size(command, longest)
        if size < 0:
            raise NfcError(WRONG_FRAME)
        return size

    def _packed(self, command: int, data: bytes, more: bytes) -> "Any":
        frame, length = self._frame, 2 + len(data) + len(more)
        frame[0:3] = b"\x00\x00\xff"
        frame[3] = length
        frame[4] = -length & 0xFF
        frame[5] = _TO_CHIP
        frame[6] = command
        frame[7 : 7 + len(data)] = data
        frame[7 + len(data) : 5 + length] = more
        part = memoryview(frame)
        frame[5 + length] = -sum(part[5 : 5 + length]) & 0xFF
        frame[6 + length] = 0
        return part[: 7 + length]

    def _size(self, command: int, longest: int) -> int:
        """Bytes of data in the answer to this command; below 0: it is no such answer."""
        frame = memoryview(self._frame)
        length = frame[4]
        is_long = length == frame[5] == 0xFF  # the extended form
        if bytes(frame[1:4]) != b"\x00\x00\xff" or (length + frame[5] & 0xFF and not is_long):
            return -1
        if is_long or length + 7 > longest:
            raise CardError(TOO_LONG)  # nothing else is answered at such length
        if sum(frame[6 : 7 + length]) & 0xFF:
            return -1
        if length == 1:
            raise NfcError(REFUSED)
        return length - 2 if frame[6] == _TO_CHIP + 1 and frame[7] == command + 1 else -1

    async def _write(self, data: "Any") -> None:
        """While it is busy it may not acknowledge its address."""
        for _ in range(_ACK_MS // _STEP_MS):
            try:
                self._i2c.writeto(_ADDRESS, data)
                return
            except OSError:
                await asyncio.sleep_ms(_STEP_MS)
        raise NfcError(NO_ANSWER)

    async def _read(self, count: int, longest_ms: int) -> None:
        """The next frame, into `_frame`, as soon as it is ready."""
        into = memoryview(self._frame)[:count]
        waited_ms = 0
        while waited_ms < longest_ms:
            is_high = self._irq.value()
            if not is_high or self.trouble or waited_ms >= _GRACE_MS:
                into[0] = 0
                try:
                    self._i2c.readfrom_into(_ADDRESS, into)
                except OSError:
                    into[0] = 0
                if into[0] == _READY:
                    if is_high and waited_ms >= _GRACE_MS:
                        self.trouble = NO_INTERRUPT
                    return
                self._false += not is_high
                if self._false > _FALSE_ALARMS:
                    self.trouble = INTERRUPT_STUCK
            await asyncio.sleep_ms(_STEP_MS)
            waited_ms += _STEP_MS
        raise NfcError(NO_ANSWER)
