# SPDX-License-Identifier: Apache-2.0
# MAX17048 fuel gauge: voltage of the cell, state of charge and how fast it changes. Data sheet:
# Analog Devices 19-6171.

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ADDRESS = 0x36

_VCELL = const(0x02)  # 78.125 uV
_SOC = const(0x04)  # 1/256 percent
_VERSION = const(0x08)
_CRATE = const(0x16)  # 0.208 percent an hour, signed
_VERSION_MAX17048 = const(0x0010)  # upper 12 bits; the lower four are the silicon's revision

# What a cell that runs this band can have. Beyond it the gauge talks nonsense.
_LEAST_MV = const(2_500)
_MOST_MV = const(4_500)
_MOST_CHARGE = const(110 * 256)  # a full cell may show a little more than 100 percent


class GaugeError(OSError):
    """The chip is another one, or says what cannot be."""


class MAX17048:
    """OSError when the chip does not answer."""

    def __init__(self, i2c: "Any", address: int = ADDRESS) -> None:
        self.millivolts = 0  # as last read, like
        self.charge = 0  # in 1/256 percent
        self.drain = 0  # in 1/256 percent an hour, below 0 while it is charged
        self._i2c = i2c
        self._address = address
        self._two = bytearray(2)
        version = self._get(_VERSION)
        if version & 0xFFF0 != _VERSION_MAX17048:
            raise GaugeError("version %#06x" % version)

    def read(self) -> None:
        """GaugeError when it is nonsense; then nothing of it may be used."""
        self.millivolts = self._get(_VCELL) * 5 // 64
        self.charge = self._get(_SOC)
        rate = self._get(_CRATE)
        self.drain = -(rate - (rate >> 15 << 16)) * 53  # 0.208 * 256
        if not _LEAST_MV <= self.millivolts <= _MOST_MV:
            raise GaugeError("%d mV" % self.millivolts)
        if self.charge > _MOST_CHARGE:
            raise GaugeError("%d percent" % (self.charge >> 8))

    @property
    def percent(self) -> int:
        """0..100"""
        return min((self.charge + 128) >> 8, 100)

    def _get(self, register: int) -> int:
        self._i2c.readfrom_mem_into(self._address, register, self._two)
        return self._two[0] << 8 | self._two[1]
