# SPDX-License-Identifier: Apache-2.0
"""LSM6DSO accelerometer at +-16 g and 52 Hz: samples in mg out of its FIFO, and wake-ups by INT1.

The FIFO holds 512 samples, 9.8 s, and then forgets the oldest: whoever comes when INT1 wakes has
what was before the impact. Watching, INT1 is raised at an impact, in free fall, and when 8 s are
waiting; dozing, at any movement. It stays so until `take_wake`. Raised is low, as of all that
wakes the processor (sleep.py). Data sheet: ST LSM6DSO; AN5192.
"""

import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any, Callable

RATE_HZ = 52
WATERMARK = 416  # samples, 8 s: so long the processor may sleep while somebody moves

# Why a SensorError.
OTHER_CHIP = "another chip"
NO_RESET = "reset does not end"
DISORDER = "samples out of order"
STUCK = "stuck at one value"

_ADDRESS = const(0x6A)
_INT1_CTRL = const(0x0D)
_WHO_AM_I = const(0x0F)
_IS_LSM6DSO = const(0x6C)
_CTRL3_C = const(0x12)
_SW_RESET = const(0x01)
_ALL_INT_SRC = const(0x1A)
_FIFO_STATUS1 = const(0x3A)
_OVERRUN = const(0x48)  # FIFO_OVR_IA, FIFO_OVR_LATCHED in FIFO_STATUS2
_FULL = const(0x20)  # FIFO_FULL_IA: the next sample overwrites the oldest, while we read
_WAKE_UP_THS = const(0x5B)
_FIFO_DATA_OUT_TAG = const(0x78)

_AT_WATERMARK = const(0x08)  # INT1_FIFO_TH
_IMPACT = const(6)  # 62.5 mg each: 375 mg on one axis; no impact above 1.65 g stays below on all
_MOVEMENT = const(2)  # 125 mg: any gesture, no breathing
_SETUP = (  # (register, value), in this order
    (_CTRL3_C, 0x64),  # BDU, H_LACTIVE, IF_INC
    (0x17, 0x80),  # CTRL8_XL: high-pass at ODR / 100 = 0.5 Hz, so that no threshold feels gravity
    (0x07, WATERMARK & 0xFF),
    (0x08, WATERMARK >> 8),
    (0x09, 0x03),  # FIFO_CTRL3: the accelerometer is batched at 52 Hz
    (0x56, 0x51),  # TAP_CFG0: cleared when read, high-pass for the wake-up, latched
    (0x58, 0x80),  # TAP_CFG2: INTERRUPTS_ENABLE
    (0x5C, 0x10),  # WAKE_UP_DUR: thresholds in 1/256 of the range, at the first sample
    (0x5D, 0x2B),  # FREE_FALL: all axes below 312 mg for more than 5 samples
    (0x5E, 0x30),  # MD1_CFG: wake-up and free fall to INT1
    (0x10, 0x34),  # CTRL1_XL: 52 Hz, +-16 g
    (0x0A, 0x06),  # FIFO_CTRL4: continuous
)
_TAGS = const(b"\x11\x12\x14\x17")  # accelerometer, time slots 0 to 3, with even parity
_WORD = const(7)  # bytes: tag, X, Y, Z
_BURST = const(32)  # words a transfer: 5 ms of the bus at 400 kHz
_SAME = const(104)  # samples, 2 s: the noise of 0.6 mg does not repeat itself
_RESET_TRIES = const(10)


class SensorError(Exception):
    """What the chip says cannot be; the text is for the technician."""


class LSM6DSO:
    """OSError when the chip does not answer. `on_wake` is called from the interrupt of INT1."""

    def __init__(self, i2c: "Any", int1: "Any", on_wake: "Callable[[], None]") -> None:
        self.overrun = False  # samples were lost before those that `read` gave; yours to clear
        self._i2c = i2c
        self._int1 = int1
        self._one = bytearray(1)
        self._two = bytearray(2)
        self._burst = bytearray(_BURST * _WORD)
        self._slot = -1  # time slot of the next sample; -1: not known
        self._last = (0, 0, 0)
        self._same = 0  # samples in a row that were like the one before
        if self._get(_WHO_AM_I) != _IS_LSM6DSO:
            raise SensorError(OTHER_CHIP)
        self._reset()
        for register, value in _SETUP:
            self._set(register, value)
        self.watch()
        int1.irq(lambda _: on_wake(), int1.IRQ_FALLING)

    def watch(self) -> None:
        """Wake at impacts and when 8 s are waiting."""
        self._set(_WAKE_UP_THS, _IMPACT)
        self._set(_INT1_CTRL, _AT_WATERMARK)

    def doze(self) -> None:
        """Wake at any movement and nothing else; the FIFO keeps the last 9.8 s."""
        self._set(_INT1_CTRL, 0)
        self._set(_WAKE_UP_THS, _MOVEMENT)

    def is_raised(self) -> bool:
        """Whether INT1 is raised, which is low."""
        return self._int1.value() == 0

    def take_wake(self) -> bool:
        """Lets go of INT1; whether an impact, movement or free fall had raised it."""
        return self._get(_ALL_INT_SRC) & 3 != 0

    def waiting(self) -> int:
        """Samples in the FIFO."""
        self._i2c.readfrom_mem_into(_ADDRESS, _FIFO_STATUS1, self._two)
        if self._two[1] & (_OVERRUN | _FULL):
            self._slot = -1
            self.overrun = self.overrun or self._two[1] & _OVERRUN != 0
        return (self._two[1] & 3) << 8 | self._two[0]

    def read(self, into: "Any") -> int:
        """The oldest samples as x, y, z in mg, as many as fit: how many. SensorError."""
        count = min(self.waiting(), len(into) // 3)
        for done in range(0, count, _BURST):
            words = min(count - done, _BURST)
            part = self._burst if words == _BURST else memoryview(self._burst)[: words * _WORD]
            self._i2c.readfrom_mem_into(_ADDRESS, _FIFO_DATA_OUT_TAG, part)
            self._unpack(words, into, 3 * done)
        return count

    def _unpack(self, words: int, into: "Any", to: int) -> None:
        burst = self._burst
        slot = self._slot
        same = self._same
        before_x, before_y, before_z = self._last
        for at in range(0, words * _WORD, _WORD):
            if slot < 0:
                slot = _TAGS.find(burst[at])
            if slot < 0 or burst[at] != _TAGS[slot]:
                self._slot = -1
                raise SensorError(DISORDER)
            slot = (slot + 1) & 3
            # 0.488 mg a bit is 61/125; sign from the upper byte
            x = (((burst[at + 2] ^ 0x80) << 8 | burst[at + 1]) - 0x8000) * 61 // 125
            y = (((burst[at + 4] ^ 0x80) << 8 | burst[at + 3]) - 0x8000) * 61 // 125
            z = (((burst[at + 6] ^ 0x80) << 8 | burst[at + 5]) - 0x8000) * 61 // 125
            same = same + 1 if x == before_x and y == before_y and z == before_z else 0
            into[to] = before_x = x
            into[to + 1] = before_y = y
            into[to + 2] = before_z = z
            to += 3
        self._slot = slot
        self._same = same
        self._last = (before_x, before_y, before_z)
        if same >= _SAME:
            raise SensorError(STUCK)

    def _reset(self) -> None:
        self._set(_CTRL3_C, _SW_RESET)
        for _ in range(_RESET_TRIES):
            if not self._get(_CTRL3_C) & _SW_RESET:
                return
            time.sleep_ms(1)
        raise SensorError(NO_RESET)

    def _get(self, register: int) -> int:
        self._i2c.readfrom_mem_into(_ADDRESS, register, self._one)
        return self._one[0]

    def _set(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(_ADDRESS, register, self._one)
