# SPDX-License-Identifier: Apache-2.0
# MAX17048 fuel gauge: cell voltage in mV, state of charge in percent. Data sheet: Analog Devices
# 19-6171.

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ADDRESS = 0x36

_VCELL = const(0x02)  # 78.125 uV
_SOC = const(0x04)  # 1/256 percent
_VERSION = const(0x08)
_VERSION_MAX17048 = const(0x0010)  # upper 12 bits; the lower four are the silicon's revision


class MAX17048:
    """OSError when the chip does not answer or is another one."""

    def __init__(self, i2c: "Any", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._two = bytearray(2)
        version = self._read(_VERSION)
        if version & 0xFFF0 != _VERSION_MAX17048:
            raise OSError("no MAX17048: version %#06x" % version)

    def voltage_mv(self) -> int:
        return self._read(_VCELL) * 5 // 64

    def charge_percent(self) -> int:
        """0..100; the gauge itself may show a little more on a full cell."""
        return min((self._read(_SOC) + 128) >> 8, 100)

    def _read(self, register: int) -> int:
        self._i2c.readfrom_mem_into(self._address, register, self._two)
        return self._two[0] << 8 | self._two[1]
