# SPDX-License-Identifier: Apache-2.0
# machine.I2C and machine.UART: the wires to the chips that wiring.py has put on them.

import io

import clock
import wiring
from micropython import const

_ENODEV = const(19)
_POLL = const(3)  # ioctl request of MicroPython's stream protocol
_POLLIN = const(1)
_POLLOUT = const(4)


class I2C:
    """A bus whose chips acknowledge their address; a bus on the wrong pins is empty."""

    def __init__(self, id=-1, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        self._chips = wiring.i2c_chips(scl, sda)

    def scan(self):
        return sorted(self._chips)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self._chip(address).read(len(buffer))

    def readfrom(self, address, count, stop=True):
        return bytes(self._chip(address).read(count))

    def writeto(self, address, data, stop=True):
        if not self._chip(address).write(bytes(data)):
            raise OSError(_ENODEV)
        return len(data)

    def writevto(self, address, parts, stop=True):
        return self.writeto(address, b"".join(parts), stop)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(address, buffer)

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        buffer = bytearray(count)
        self.readfrom_mem_into(address, register, buffer, addrsize=addrsize)
        return bytes(buffer)

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big") + bytes(data))

    def _chip(self, address):
        chip = self._chips.get(address)
        if chip is None:
            raise OSError(_ENODEV)  # nobody pulled the acknowledge bit low
        return chip


class UART(io.IOBase):
    """A serial port; bytes arrive at once, and too many of them are lost as in a real buffer."""

    IRQ_RXIDLE = 4096

    def __init__(self, id, *settings, **named):
        self._received = bytearray()
        self._handler = self.chip = None
        self.init(*settings, **named)

    def init(self, baudrate=115_200, *frame, tx=None, rx=None, rxbuf=256, timeout=0, **ignored):
        self._timeout = timeout
        self._rxbuf = rxbuf
        if tx is not None:
            self.chip = wiring.uart_chip(tx, rx)
        if self.chip:
            self.chip.to_host = self._arrive

    def deinit(self):
        self.chip = None

    def any(self):
        return len(self._received)

    def read(self, count=None):
        self._await_bytes()
        if not self._received:
            return None
        if count is None:
            count = len(self._received)
        data = bytes(self._received[:count])
        self._received = self._received[count:]
        return data

    def readinto(self, buffer, count=None):
        data = self.read(len(buffer) if count is None else count)
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        self._await_bytes()
        end = self._received.find(b"\n")
        return self.read(end + 1 if end >= 0 else None)

    def write(self, data):
        if self.chip:
            self.chip.from_host(bytes(data))
        return len(data)

    def irq(self, handler=None, trigger=IRQ_RXIDLE, hard=False):
        self._handler = handler
        return self

    def flush(self):
        pass

    def txdone(self):
        return True

    def ioctl(self, request, mask):
        if request != _POLL:
            return 0
        return mask & (_POLLOUT | (_POLLIN if self._received else 0))

    def _await_bytes(self):
        if self._timeout and not self._received:
            clock.sleep(self._timeout)

    def _arrive(self, data):
        self._received.extend(data[: self._rxbuf - len(self._received)])
        if self._handler:
            self._handler(self)
