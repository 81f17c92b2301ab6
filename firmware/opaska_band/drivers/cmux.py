# SPDX-License-Identifier: Apache-2.0
"""Several serial lines over one UART: 3GPP TS 27.010 (CMUX), basic option, UIH frames.

A frame: flag, address (line << 2 | 3), control, length << 1 | 1, up to 127 bytes, FCS, flag. Line
0 is the multiplexer's own. What is broken is skipped: PPP and AT commands bear a lost frame.
"""

import asyncio
import io
import time

from micropython import const

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any, Callable

BEGIN = const(b"AT+CMUX=0,0,5,127")  # TS 27.007, 5.7: basic option, UIH, 115,200 baud, N1
# CLD: back to AT commands on the bare UART. Line 0 may not be open, and hears nothing then: 5.4.1.
END = const(b"\xf9\x03\x3f\x01\x1c\xf9\x03\xef\x05\xc3\x01\xf2\xf9")

_FLAG = const(0xF9)
_SABM = const(0x3F)  # this and the next three with P or F
_UA = const(0x73)
_DM = const(0x1F)
_DISC = const(0x53)
_UIH = const(0xEF)
_POLL_OR_FINAL = const(0x10)
_MSC = const(0xE3)  # modem status command, 5.4.6.3.7
_MSC_ANSWER = const(0xE1)
_CLD = const(0xC3)
_FROM_US = const(0x03)  # EA, and C/R as the side that began has it
_MOST = const(127)  # bytes in a frame, either way: N1 of BEGIN
_HEAD = const(5)  # flag, address, control, one byte of length, ..., FCS
_ROOM = const(2_048)  # bytes that wait on a line; what nobody reads is lost
_RESTARTED = const(b"RDY")  # a modem's first word, on the bare UART
_CALL_IS_OVER = const(b"NO CARRIER")  # ITU-T V.250, 6.3.1; PPP takes it for noise
_OPEN_MS = const(1_000)
_OPEN_TRIES = const(2)  # N2 of 5.7: a lost yes is said again
_POLL_MS = const(10)
_READ = const(1)  # of ioctl, as in py/stream.h
_WRITE = const(4)
_POLL = const(3)


class Silent(OSError):
    """No answer where one was due."""


class Line(io.IOBase):
    """One of the lines: a stream as network.PPP and the AT driver use the UART."""

    def __init__(self, mux: "Cmux", number: int) -> None:
        self.IRQ_RXIDLE = mux.uart.IRQ_RXIDLE
        self.is_open = False
        self.received = bytearray()
        self.handler: "Callable[[Line], Any] | None" = None
        self._mux = mux
        self._number = number

    def any(self) -> int:
        self._mux.pump()
        return len(self.received)

    def read(self, count: int = -1) -> "bytes | None":
        """At most so many bytes, without waiting; None when there are none."""
        if not self.any():
            return None
        data = bytes(self.received[:count] if count >= 0 else self.received)
        self.received[: len(data)] = b""  # at once: an interrupt may add to it
        return data

    def readinto(self, buffer: "Any") -> "int | None":
        data = self.read(len(buffer))
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: "Any") -> int:
        for begin in range(0, len(data), _MOST):
            self._mux.send(self._number, _UIH, bytes(data[begin : begin + _MOST]))
        return len(data)

    def irq(self, handler: "Callable[[Line], Any] | None" = None, trigger: int = 0) -> None:
        """Call it, with this line, when bytes have come; None: no more."""
        self.handler = handler
        if handler:
            self._mux.uart.irq(self._mux.pump, trigger)

    def ioctl(self, request: int, mask: int) -> int:
        if request != _POLL:
            return 0
        return mask & (_WRITE | (_READ if self.any() else 0))


class Cmux:
    """`uart` needs write, any, read and irq; `modem` hears of what comes and goes. `broken` counts
    what was no frame."""

    def __init__(self, uart: "Any", lines: int, modem: "Any" = None) -> None:
        self.uart = uart
        self._modem = modem
        self.broken = 0
        self.lines = [Line(self, number) for number in range(lines + 1)]
        self._buffer = bytearray()
        self._is_pumping = False

    async def open(self) -> None:
        """Open all lines, one after the other; OSError when the modem does not say yes."""
        for line in range(len(self.lines)):
            for _ in range(_OPEN_TRIES):
                await self._open(line)
            if not self.lines[line].is_open:
                raise OSError("the modem opens no line %d" % line)

    async def _open(self, line: int) -> None:
        """Unless it is open."""
        begin = time.ticks_ms()
        if not self.lines[line].is_open:
            self.send(line, _SABM)
        while not self.lines[line].is_open:
            if time.ticks_diff(time.ticks_ms(), begin) > _OPEN_MS:
                return
            await asyncio.sleep_ms(_POLL_MS)
            self.pump()

    def close(self) -> None:
        """Leave the UART to others; the modem is told by END."""
        self._is_pumping = True  # for ever
        self._end()
        self.uart.irq(None)

    def send(self, line: int, control: int, data: bytes = b"") -> None:
        if self._modem:
            self._modem.speak()
        head = bytes((line << 2 | _FROM_US, control, len(data) << 1 | 1))
        self.uart.write(b"\xf9" + head + data + bytes((_fcs(head), _FLAG)))

    def pump(self, _: "Any" = None) -> None:
        """Share out what has come. May be called by an interrupt while it is at work."""
        while not self._is_pumping and self.uart.any():
            self._is_pumping = True
            if self._modem:
                self._modem.heard()
            try:
                self._buffer += self.uart.read(self.uart.any())
                while self._take():
                    pass
            finally:
                self._is_pumping = False

    def _take(self) -> bool:
        """Take one frame out of the buffer; False when there is no whole one."""
        buffer = self._buffer
        begin = buffer.find(b"\xf9")
        if _RESTARTED in buffer[: begin if begin >= 0 else len(buffer)]:
            self._end()
        if begin < 0:
            buffer[:] = b""
            return False
        while begin + 1 < len(buffer) and buffer[begin + 1] == _FLAG:
            begin += 1  # the end of one frame, or idle, before the beginning of the next
        buffer[:begin] = b""
        if len(buffer) < _HEAD:
            return False
        is_short = buffer[3] & 1  # else a second byte of length follows, which N1 rules out
        end = _HEAD + (buffer[3] >> 1)  # of the closing flag
        if is_short and len(buffer) <= end:
            return False
        if not is_short or buffer[end] != _FLAG or buffer[end - 1] != _fcs(buffer[1:4]):
            self.broken += 1
            buffer[:1] = b""
            return True
        line, control, data = buffer[1] >> 2, buffer[2], bytes(buffer[4 : end - 1])
        buffer[:end] = b""  # its closing flag may open the next
        if line < len(self.lines):
            self._heard(line, control, data)
        return True

    def _heard(self, line: int, control: int, data: bytes) -> None:
        kind = control | _POLL_OR_FINAL
        to = self.lines[line]
        if kind == _UA:
            to.is_open = True
        elif kind in (_DM, _DISC):
            to.is_open = False
        elif kind != _UIH | _POLL_OR_FINAL:
            self.broken += 1
        elif line:
            if data.strip() == _CALL_IS_OVER:
                to.is_open = False
            if len(to.received) < _ROOM:
                to.received += data
            if to.handler:
                to.handler(to)
        elif data[:1] == bytes((_MSC,)):
            self.send(0, _UIH, bytes((_MSC_ANSWER,)) + data[1:])
        elif data[:1] == bytes((_CLD,)):
            self._end()

    def _end(self) -> None:
        for line in self.lines:
            line.is_open = False


def _fcs(data: "bytes | bytearray") -> int:
    """TS 27.010, 5.2.1.6 and B.3: reversed CRC-8 of x^8 + x^2 + x + 1, its complement."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xE0 if crc & 1 else 0)
    return 0xFF - crc
