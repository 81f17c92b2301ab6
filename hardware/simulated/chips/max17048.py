# SPDX-License-Identifier: Apache-2.0
# MAX17048 fuel gauge, by the register table of its data sheet (Maxim 19-6171). Registers are
# 16 bits, most significant byte first, kept in one array. Runs on CPython too.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VCELL = 0x02  # 78.125 uV per bit
SOC = 0x04  # 1/256 % per bit
CONFIG = 0x0C
CRATE = 0x16  # 0.208 % an hour per bit, signed
VRESET_ID = 0x18
STATUS = 0x1A
CMD = 0xFE

_READ_ONLY = (VCELL, SOC, 0x08, CRATE)
_POWER_ON = (  # from 0x06: MODE, VERSION, HIBRT, CONFIG, three reserved, VALRT
    b"\x00\x00\x00\x12\x80\x30\x97\x1c\x00\x00\x00\x00\x00\x00\x00\xff"
)
_CONFIG_ALRT = 0x0020
_STATUS_RI = 0x0100  # the chip was reset
_STATUS_HD = 0x1000  # SOC fell below the alert threshold
_POR = 0x5400  # value of CMD


class MAX17048:
    ADDRESS = 0x36

    def __init__(self, percent=90, millivolts=3950):
        self.on_alert: "Any" = None  # function(low), told of every change of the ALRT pin
        self._pointer = 0
        self._registers = bytearray(0x20)
        self._reset()
        self.set(percent, millivolts)

    def set(self, percent, millivolts, percent_per_hour=0):
        """The cell as it is now."""
        before = self._get(SOC)
        now = int(percent * 256)
        self._put(VCELL, millivolts * 64 // 5)
        self._put(SOC, now)
        self._put(CRATE, int(percent_per_hour / 0.208) & 0xFFFF)
        config = self._get(CONFIG)
        if now < 32 - (config & 0x1F) << 8 <= before:
            self._put(STATUS, self._get(STATUS) | _STATUS_HD)
            self._put(CONFIG, config | _CONFIG_ALRT)

    def write(self, data):
        """A write on the bus: register, then bytes. False: the chip did not acknowledge."""
        self._pointer = data[0]
        for byte in data[1:]:
            register = self._pointer & 0xFE
            if register == CMD:
                if byte << 8 == _POR:
                    self._reset()
                    return False  # it resets before it could acknowledge
            elif register not in _READ_ONLY and self._pointer != VRESET_ID + 1:
                word = self._get(register)
                low = self._pointer & 1
                self._put(register, word & 0xFF00 | byte if low else word & 0xFF | byte << 8)
            self._pointer = self._pointer + 1 & 0xFF
        return True

    def read(self, count):
        """A read on the bus, from where the last write left the pointer."""
        at = self._pointer
        self._pointer = at + count & 0xFF
        return (bytes(self._registers) + bytes(0x100))[at : at + count]

    def _get(self, register):
        at = register if register < 0x20 else 0
        return self._registers[at] << 8 | self._registers[at + 1]

    def _put(self, register, word):
        if register < 0x20:
            before = self._get(register)
            self._registers[register] = word >> 8
            self._registers[register + 1] = word & 0xFF
            if register == CONFIG and (before ^ word) & _CONFIG_ALRT and self.on_alert:
                self.on_alert(bool(word & _CONFIG_ALRT))

    def _reset(self):
        self._registers[0x06:0x16] = _POWER_ON
        self._put(VRESET_ID, 0x9600)
        self._put(STATUS, _STATUS_RI)
