# SPDX-License-Identifier: Apache-2.0
"""Where the EG915U is: its GNSS receiver, asked for NMEA, and the cell that it is in (TS 27.007,
7.3, 10.1.20 and 10.1.22).

Beside a data call only while the modem shares its port: `modem.can_talk`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


async def switch(modem: "Any", on: bool) -> None:
    """On or off; it may be so already. OSError when the modem has no receiver."""
    if (_fields(await modem.ask(b"AT+QGPS?"), b"+QGPS:") == [b"1"]) != on:
        await modem.ask(b"AT+QGPS=1" if on else b"AT+QGPSEND")


async def nmea(modem: "Any") -> bytes:
    """The present RMC, and its GGA if it is valid, each on a line, with the modem's words in front
    of the $."""
    lines = await modem.ask(b'AT+QGPSGNMEA="RMC"')
    if any([b",A," in line for line in lines]):
        lines += await modem.ask(b'AT+QGPSGNMEA="GGA"')
    return b"\r\n".join(lines) + b"\r\n"


async def cell(modem: "Any") -> "list[int] | None":
    """[MCC, MNC, tracking or location area, cell identity]; None when unknown."""
    await modem.ask(b"AT+COPS=3,2")
    operators = await modem.ask(b"AT+COPS?")
    for network in (b"+CEREG", b"+CGREG"):  # LTE, GSM
        await modem.ask(b"AT" + network + b"=2")
        cells = await modem.ask(b"AT" + network + b"?")
        await modem.ask(b"AT" + network + b"=0")
        try:
            number, where = _fields(operators, b"+COPS:")[2], _fields(cells, network + b":")
            return [int(number[:3]), int(number[3:]), int(where[2], 16), int(where[3], 16)]
        except (IndexError, ValueError):
            pass
    return None


def _fields(lines: "list[bytes]", name: bytes) -> "list[bytes]":
    """Of the line with this name, without quotes; the modem may say other things before it."""
    for line in lines:
        if line.startswith(name):
            return [field.strip().strip(b'"') for field in line[len(name) :].split(b",")]
    raise OSError("no " + name.decode())
