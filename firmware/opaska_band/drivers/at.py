# SPDX-License-Identifier: Apache-2.0
"""AT commands of 3GPP TS 27.007: one at a time over a serial line, and what some answers mean."""

import asyncio
import time

from micropython import const

from .cmux import Silent

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from typing import Any

OK = const(b"OK")
_FAILURES = const((b"ERROR", b"+CME ERROR", b"NO CARRIER", b"BUSY", b"NO DIALTONE"))
_REGISTERED = const((b"1", b"5"))  # home, roaming; second number of +CEREG, 10.1.22
_POLL_MS = const(20)
_LINE = const(128)  # bytes; a longer line is noise


async def command(port: "Any", line: bytes, end: bytes, wait_ms: int) -> "list[bytes]":
    """The information lines before `end`; OSError on an error or silence."""
    port.read(port.any())  # late words of the command before
    port.write(line + b"\r")
    deadline = time.ticks_add(time.ticks_ms(), wait_ms)
    lines: "list[bytes]" = []
    while True:
        answer = await _read_line(port, deadline)
        if answer.startswith(end):
            return lines
        if any(answer.startswith(failure) for failure in _FAILURES):
            raise OSError("%s: %s" % (line.decode(), str(answer)[2:-1]))
        if answer and answer != line:  # an echo is no answer
            lines.append(answer)


async def _read_line(port: "Any", deadline: "Any") -> bytes:
    """One line without its end; nothing is read beyond it, PPP may follow CONNECT."""
    line = bytearray()
    while True:
        while port.any():
            byte = port.read(1)
            if byte == b"\n":
                return bytes(line).strip()
            if len(line) < _LINE:
                line += byte
        if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
            raise Silent("no answer from the modem")
        await asyncio.sleep_ms(_POLL_MS)


def is_registered(answers: "list[bytes]") -> bool:
    """+CEREG: <n>,<stat>[,...], and +CGREG likewise, 10.1.20."""
    for line in answers:
        if line.startswith((b"+CEREG:", b"+CGREG:")):
            fields = line.split(b":")[1].split(b",")
            return len(fields) > 1 and fields[1].strip() in _REGISTERED
    return False


def has_context(answers: "list[bytes]", context: bytes) -> bool:
    """+CGDCONT: <cid>,<type>,<APN>, which the network may complete with its own. 10.1.1"""
    for line in answers:
        known = line.lower().replace(b" ", b"")
        for end in (b'"', b"."):
            if known.startswith(b"+cgdcont:" + context.lower() + end):
                return True
    return False


def dbm(answers: "list[bytes]") -> "int | None":
    """+CSQ: <rssi>,<ber>: 0..31 are -113 to -51 dBm in steps of 2, 99 is unknown. 8.5"""
    for line in answers:
        if line.startswith(b"+CSQ:"):
            try:
                rssi = int(line.split(b":")[1].split(b",")[0])
            except ValueError:
                return None
            return 2 * rssi - 113 if 0 <= rssi <= 31 else None
    return None
