# SPDX-License-Identifier: Apache-2.0
"""MAX17048 fuel gauge, by the register table of its data sheet (Maxim 19-6171). Registers are 16
bits, most significant byte first. It can be broken in the ways that such chips have. Runs on
CPython, in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

VCELL = 0x02  # 78.125 uV per bit
SOC = 0x04  # 1/256 % per bit
MODE = 0x06
VERSION = 0x08
HIBRT = 0x0A
CONFIG = 0x0C
VALRT = 0x14  # 20 mV per bit: minimum, maximum
CRATE = 0x16  # 0.208 % an hour per bit, signed
VRESET_ID = 0x18  # 40 mV per bit in bits 15 to 9
STATUS = 0x1A
CMD = 0xFE

_AFTER_RESET = {
    MODE: 0x0000,
    VERSION: 0x0012,
    HIBRT: 0x8030,
    CONFIG: 0x971C,  # RCOMP 0x97, alert below 4 %
    VALRT: 0x00FF,
    VRESET_ID: 0x9600,
    STATUS: 0x0100,
}
_READ_ONLY = (VCELL, SOC, VERSION, CRATE)
_CONFIG_ALRT = 0x0020
_CONFIG_ATHD = 0x001F  # threshold is 32 % minus this
_STATUS_RI = 0x0100  # the chip was reset
_STATUS_HD = 0x1000  # SOC fell below the threshold
_POWER_ON_RESET = 0x5400  # written to CMD
_CRATE_PERCENT_PER_HOUR = 0.208


class MAX17048:
    ADDRESS = 0x36

    def __init__(self, percent: float = 90, millivolts: int = 3950) -> None:
        self.on_alert: Callable[[bool], None] | None = None  # told when ALRT goes low or up
        self.answers = True  # False: nobody at its address
        self.stuck: dict[int, int] = {}  # register -> what it says instead
        self._pointer = 0
        self._registers = dict(_AFTER_RESET)
        self.set(percent, millivolts)

    def set(self, percent: float, millivolts: int, percent_per_hour: float = 0) -> None:
        """The cell as it is now; the converter ends at 5.12 V."""
        before = self._registers.get(SOC, 0)
        now = int(percent * 256)
        rate = round(percent_per_hour / _CRATE_PERCENT_PER_HOUR)
        volts = min(millivolts * 64 // 5, 0xFFFF)
        self._registers |= {VCELL: volts, SOC: now, CRATE: rate & 0xFFFF}
        if now < (32 - (self._registers[CONFIG] & _CONFIG_ATHD)) * 256 <= before:
            self._registers[STATUS] |= _STATUS_HD
            self._configure(self._registers[CONFIG] | _CONFIG_ALRT)

    def write(self, data: bytes) -> bool:
        """A write on the bus: register, then bytes. False: the chip did not acknowledge."""
        self._pointer = data[0]
        return all(self._write_byte(byte) for byte in data[1:])

    def read(self, count: int) -> bytes:
        """A read on the bus, from where the last write left the pointer."""
        data = bytearray()
        for _ in range(count):
            register = self._pointer & 0xFE
            word = self.stuck.get(register, self._registers.get(register, 0))
            data.append(word & 0xFF if self._pointer & 1 else word >> 8)
            self._pointer = (self._pointer + 1) & 0xFF
        return bytes(data)

    def _write_byte(self, byte: int) -> bool:
        register, low = self._pointer & 0xFE, self._pointer & 1
        self._pointer = (self._pointer + 1) & 0xFF
        word = self._registers.get(register, 0)
        word = (word & 0xFF00) | byte if low else (word & 0x00FF) | byte << 8
        if register == CMD:
            self._registers[CMD] = word
            return not low or self._command(word)
        if register == CONFIG:
            self._configure(word)
        elif register == VRESET_ID and low:
            pass  # the chip's own number
        elif register not in _READ_ONLY:
            self._registers[register] = word
        return True

    def _command(self, word: int) -> bool:
        """A power-on reset happens before the chip could acknowledge its last byte."""
        self._registers[CMD] = 0
        if word != _POWER_ON_RESET:
            return True
        self._registers |= _AFTER_RESET
        return False

    def _configure(self, word: int) -> None:
        changed = self._registers[CONFIG] ^ word
        self._registers[CONFIG] = word
        if changed & _CONFIG_ALRT and self.on_alert:
            self.on_alert(bool(word & _CONFIG_ALRT))
