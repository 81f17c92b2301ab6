# SPDX-License-Identifier: Apache-2.0
"""An I2C bus on which a transfer to or from a register that fails is made once more.

One that was disturbed, as by an impact, is no broken chip. A chip that did not answer to its
address has given nothing away; of a FIFO that broke off later samples may be missing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PatientI2C:
    """As the machine.I2C that it is given; OSError when the second try fails, too."""

    def __init__(self, i2c: "Any") -> None:
        self.writeto = i2c.writeto  # whoever speaks in frames repeats them itself
        self.readfrom_into = i2c.readfrom_into
        self._i2c = i2c

    def readfrom_mem_into(self, address: int, register: int, into: "Any") -> None:
        try:
            self._i2c.readfrom_mem_into(address, register, into)
        except OSError:
            self._i2c.readfrom_mem_into(address, register, into)

    def writeto_mem(self, address: int, register: int, data: "Any") -> None:
        try:
            self._i2c.writeto_mem(address, register, data)
        except OSError:
            self._i2c.writeto_mem(address, register, data)
