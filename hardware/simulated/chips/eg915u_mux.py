# SPDX-License-Identifier: Apache-2.0
"""The modem's side of 3GPP TS 27.010 (CMUX), basic option. Runs on CPython, in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LINES: Final = 4  # besides the control line 0
_FLAG: Final = 0xF9
_SABM, _UA, _DM, _DISC, _UIH = 0x2F, 0x63, 0x0F, 0x43, 0xEF
_PF: Final = 0x10  # poll or final
_CLOSE_DOWN: Final = 0xC3
_MSC: Final = 0xE3
_READY: Final = 0x8D  # EA, RTC, RTR, DV: 5.4.6.3.7
_LONGEST: Final = 127


class Line:
    """Where commands are typed: the bare port, or one of those that share it."""

    def __init__(self, number: int) -> None:
        self.number = number  # 0 is the bare port
        self.typed = b""
        self.echo = True
        self.online = False  # its bytes are PPP


class Mux:
    """`to_host` takes frames, `said` what comes on a line, `ended` hears of the close-down."""

    def __init__(
        self,
        to_host: Callable[[bytes], None],
        said: Callable[[int, bytes], None],
        closed: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        self._to_host = to_host
        self._said = said
        self._closed = closed
        self._ended = ended
        self._open: set[int] = set()
        self._rest = b""

    def from_host(self, data: bytes) -> None:
        """Bytes from the serial port."""
        self._rest += data
        while True:
            begin = self._rest.find(_FLAG)
            self._rest = self._rest[begin:].lstrip(bytes([_FLAG])) if begin >= 0 else b""
            if len(self._rest) < 5:
                self._rest = bytes([_FLAG]) + self._rest if begin >= 0 else b""
                return
            size = self._rest[2] >> 1
            frame, after = self._rest[: size + 4], self._rest[size + 4 :]
            if not after:
                self._rest = bytes([_FLAG]) + self._rest
                return
            if after[0] == _FLAG and fcs(frame[:3]) == frame[-1]:
                self._rest = after
                self._heard(frame[0] >> 2, frame[1], frame[3:-1])

    def send(self, line: int, data: bytes) -> None:
        """On an open line; what nobody listens to is lost."""
        for begin in range(0, len(data), _LONGEST):
            if line in self._open:
                self._frame(line, _UIH, data[begin : begin + _LONGEST])

    def _frame(self, line: int, control: int, data: bytes = b"") -> None:
        # an answer has the asker's C/R bit, what we begin has none: 5.2.1.2
        head = bytes([line << 2 | (1 if control == _UIH else 3), control, len(data) << 1 | 1])
        self._to_host(bytes([_FLAG]) + head + data + bytes([fcs(head), _FLAG]))

    def _heard(self, line: int, control: int, data: bytes) -> None:
        kind = control & ~_PF
        if kind == _SABM and line <= LINES:
            self._open.add(line)
            self._frame(line, _UA | _PF)
            if line:
                self._frame(0, _UIH, bytes([_MSC, 5, line << 2 | 3, _READY]))
        elif kind == _DISC or line not in self._open:
            was_open = line in self._open
            self._open.discard(line)
            self._frame(line, (_UA if was_open else _DM) | _PF)
            if was_open:
                self._closed(line)
        elif line:
            self._said(line, data)
        elif data[:1] == bytes([_CLOSE_DOWN]):
            self._ended()


def fcs(head: bytes) -> int:
    """Of address, control and length: 5.2.1.6."""
    crc = 0xFF
    for bit in (byte >> place & 1 for byte in head for place in range(8)):
        crc = crc >> 1 ^ (0xE0 if (crc ^ bit) & 1 else 0)
    return 0xFF - crc
