# SPDX-License-Identifier: Apache-2.0
# MAX30102 oximeter: pairs of counts, red and infrared, 25 a second. Data sheet: Maxim 19-7740.
#
# 100 pulses a second of each LED, four in one sample; the FIFO holds 32 samples, 1.28 s, and then
# forgets the oldest. INT falls when 17 wait. Between measurements the chip is shut down, 0.7 uA.

import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any, Callable

FULL = 17  # pairs in the FIFO that make INT fall

# Why an OximeterError.
OTHER_CHIP = "another chip"
NO_RESET = "reset does not end"
SHORT_READ = "short read"
STUCK = "stuck at one value"
DARK = "no light"
REFUSED = "settings not kept"

_ADDRESS = const(0x57)
_STATUS = const(0x00)
_ENABLE = const(0x02)
_A_FULL = const(0x80)
_POINTERS = const(0x04)  # write pointer, overflow counter, read pointer
_FIFO_DATA = const(0x07)
_MODE = const(0x09)
_SHDN = const(0x80)
_RESET = const(0x40)
_RED_AND_INFRARED = const(0x03)
_PART_ID = const(0xFF)
_IS_MAX30102 = const(0x15)
_SETUP = (  # (register, value)
    (0x08, 0x5F),  # FIFO_CONFIG: four in one, rollover, A_FULL at 17 waiting
    (0x0A, 0x27),  # SPO2_CONFIG: 4096 nA, 100 a second, 411 us: 18 bits
    (0x0C, 35),  # LED1_PA, red: 7 mA
    (0x0D, 35),  # LED2_PA, infrared: 7 mA
)
_PAIR = const(6)  # bytes: three of each colour
_DEPTH = const(32)
_BURST = const(20)  # pairs a transfer
_NO_DATA = const(0xFFFFFF)  # nobody drove the bus; the upper six bits are otherwise of no meaning
_BITS = const(0x3FFFF)
_SAME = const(50)  # pairs, 2 s: the noise of the eye does not repeat itself, unless it is blinded
_DARK = const(200)  # infrared: the window alone gives back ten times as much
_DARKS = const(8)  # pairs: as long as a glance
_RESET_TRIES = const(10)


class OximeterError(Exception):
    """What the chip says cannot be; the text is for the technician."""


class MAX30102:
    """OSError when the chip does not answer. `on_full` is called from the interrupt of INT. After
    the start it is shut down until `wake`."""

    def __init__(self, i2c: "Any", int_: "Any", on_full: "Callable[[], None]") -> None:
        self.overrun = False  # samples were lost before those that `read` gave; yours to clear
        self._i2c = i2c
        self._int = int_
        self._one = bytearray(1)
        self._three = bytearray(3)
        self._burst = bytearray(_BURST * _PAIR)
        self._last = 0
        self._same = 0  # pairs in a row that were like the one before
        self._darks = 0  # and without light
        if self._get(_PART_ID) != _IS_MAX30102:
            raise OximeterError(OTHER_CHIP)
        self._reset()
        for register, value in _SETUP:
            self._set(register, value)
            if self._get(register) != value:
                raise OximeterError(REFUSED)
        self._set(_ENABLE, _A_FULL)
        self.sleep()
        int_.irq(lambda _: on_full(), int_.IRQ_FALLING)

    def wake(self) -> None:
        """Shine, with an empty FIFO."""
        self._three[0] = self._three[1] = self._three[2] = 0
        self._i2c.writeto_mem(_ADDRESS, _POINTERS, self._three)
        self._same = self._darks = 0
        self.overrun = False
        self._set(_MODE, _RED_AND_INFRARED)
        self.take_full()

    def sleep(self) -> None:
        """Shut down: no light, no samples."""
        self._set(_MODE, _SHDN)

    def deafen(self) -> None:
        """INT is heard no more."""
        self._int.irq(None)

    def is_raised(self) -> bool:
        """Whether INT is active, which is low."""
        return self._int.value() == 0

    def take_full(self) -> bool:
        """Lets go of INT; whether the FIFO had filled."""
        return self._get(_STATUS) & _A_FULL != 0

    def read(self, into: "Any") -> int:
        """The oldest pairs as red, infrared in counts, as many as fit: how many. OximeterError."""
        three = self._three
        self._i2c.readfrom_mem_into(_ADDRESS, _POINTERS, three)
        if (three[0] | three[1] | three[2]) & 0xE0:
            raise OximeterError(SHORT_READ)
        waiting = (three[0] - three[2]) & 0x1F
        if three[1]:
            self.overrun = True
            waiting = _DEPTH
        count = min(waiting, len(into) // 2, _BURST)
        if not count:
            return 0
        burst = self._burst
        part = memoryview(burst)[: count * _PAIR]
        self._i2c.readfrom_mem_into(_ADDRESS, _FIFO_DATA, part)
        for place in range(2 * count):
            at = 3 * place
            value = burst[at] << 16 | burst[at + 1] << 8 | burst[at + 2]
            if value == _NO_DATA:
                raise OximeterError(SHORT_READ)
            value &= _BITS
            into[place] = value
            if place & 1:
                blinded = value in (0, _BITS)
                self._same = self._same + 1 if value == self._last and not blinded else 0
                self._last = value
                self._darks = self._darks + 1 if value < _DARK else 0
        if self._same >= _SAME:
            raise OximeterError(STUCK)
        if self._darks >= _DARKS:
            raise OximeterError(DARK)
        return count

    def _reset(self) -> None:
        self._set(_MODE, _RESET)
        for _ in range(_RESET_TRIES):
            if not self._get(_MODE) & _RESET:
                return
            time.sleep_ms(1)
        raise OximeterError(NO_RESET)

    def _get(self, register: int) -> int:
        self._i2c.readfrom_mem_into(_ADDRESS, register, self._one)
        return self._one[0]

    def _set(self, register: int, value: int) -> None:
        self._one[0] = value
        self._i2c.writeto_mem(_ADDRESS, register, self._one)
