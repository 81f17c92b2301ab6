# SPDX-License-Identifier: Apache-2.0
# machine.I2C and machine.UART: what is at the other end of the wires is not on the chip but on the
# board around it (wiring.py), and answers over the control line.

import binascii
import io

import clock
import control
import pins
from micropython import const
from pins import number

_ENODEV = const(19)
_POLL = const(3)  # ioctl request of MicroPython's stream protocol
_POLLIN = const(1)
_POLLOUT = const(4)

_ports = {}  # GPIO of TX -> UART


class I2C:
    """A bus whose chips acknowledge their address; a bus on the wrong pins is empty."""

    def __init__(self, id=-1, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        self._wires = [number(scl), number(sda)]

    def scan(self):
        return control.ask("i2c_scan", self._wires) or []

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self.readfrom(address, len(buffer))

    def readfrom(self, address, count, stop=True):
        return self._transfer(address, b"", count)

    def writeto(self, address, data, stop=True):
        self._transfer(address, data, 0)
        return len(data)

    def readfrom_mem_into(self, address, register, buffer, *, addrsize=8):
        buffer[:] = self.readfrom_mem(address, register, len(buffer), addrsize=addrsize)

    def readfrom_mem(self, address, register, count, *, addrsize=8):
        return self._transfer(address, register.to_bytes(addrsize // 8, "big"), count)

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(address, register.to_bytes(addrsize // 8, "big") + bytes(data), 0)

    def _transfer(self, address, data, count):
        wanted = self._wires + [address, binascii.hexlify(data).decode(), count]
        answer = control.ask("i2c", wanted)
        if answer is None:
            raise OSError(_ENODEV)  # nobody pulled the acknowledge bit low
        return binascii.unhexlify(answer)


class UART(io.IOBase):
    """A serial port; bytes arrive at once, and too many of them are lost as in a real buffer."""

    IRQ_RXIDLE = 4096

    def __init__(self, id, *settings, **named):
        self._received = b""
        self._handler = None
        self.init(*settings, **named)

    def init(self, baudrate=115_200, *frame, tx=None, rx=None, rxbuf=256, timeout=0, **ignored):
        self._timeout = timeout
        self._rxbuf = rxbuf
        if tx is not None:
            self._wires = [number(tx), number(rx)]
            _ports[self._wires[0]] = self

    def any(self):
        return len(self._received)

    def read(self, count=None):
        if self._timeout and not self._received:
            clock.sleep(self._timeout)
        if not self._received:
            return None
        if count is None:
            count = len(self._received)
        data = self._received[:count]
        self._received = self._received[count:]
        return data

    def readinto(self, buffer, count=None):
        data = self.read(len(buffer) if count is None else count)
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        end = self._received.find(b"\n")
        return self.read(end + 1 if end >= 0 else None)

    def write(self, data):
        control.send({"uart": self._wires, "data": binascii.hexlify(data).decode()})
        return len(data)

    def irq(self, handler=None, trigger=IRQ_RXIDLE, hard=False):
        self._handler = handler
        return self

    def ioctl(self, request, mask):
        if request != _POLL:
            return 0
        return mask & (_POLLOUT | (_POLLIN if self._received else 0))


def _obey(name, value):
    if name != "uart":
        return False
    receive(value[0], binascii.unhexlify(value[1]))
    return True


def receive(tx, data):
    """Bytes come to the UART that has its TX there; while we sleep its clock stands still."""
    port = None if pins.asleep else _ports.get(tx)
    if port:
        port._received = (port._received + data)[: port._rxbuf]
        if port._handler:
            port._handler(port)


control.add(_obey)
