# SPDX-License-Identifier: Apache-2.0
"""SIA DC-09 frames as bytes, both ways: envelope, CRC-16/ARC, header, AES-CBC, times (UTC, in ms).

    LF  crc  0LLL  "id" seq [Rreceiver] Lprefix #account [  data ] [xdata]... _time  CR
                   |------------- counted and checksummed -------------------------|

With a "*" before the id, everything after the first "[" is hex of AES-CBC over pad|data]...
There is no MAC and the initial value is zero: run it inside TLS or a VPN where you can.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from opaska_gateway.centre.errors import FrameError, SignalError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY = 0xFFF  # the length field has three hex digits
MAX_FRAME = MAX_BODY + 10  # with LF, checksum, length and CR
MAX_SEQ = 9999  # decimal; 0000 stands in a NAK only

_BLOCK = 16
_ZERO_IV = bytes(_BLOCK)
# A pad may hold any byte but [ ] and |. Letters and digits also pass receivers that decode the
# clear text as text, and 16 of them are 95 random bits before the first byte of content.
_PAD_LETTERS = string.ascii_letters + string.digits

_ENVELOPE = re.compile(rb'\n([0-9A-Fa-f]{4})0([0-9A-Fa-f]{3})(".*)\r', re.DOTALL)
# Two faults of receivers in use are read as what they mean: "None" for a receiver number that
# was not in the request (Home Assistant, core#180511), and prefix before receiver in a NAK.
_HEADER = re.compile(
    rb'"(?P<star>\*?)(?P<id>[A-Z0-9]{2,3}(?:-[A-Z0-9]{1,4})?|NULL)"(?P<seq>\d{4})'
    rb"(?:R(?P<receiver>[0-9A-F]{1,6})|None)?L(?P<prefix>[0-9A-F]{1,6})(?:R0)?"
    rb"(?:\#(?P<account>[0-9A-F]{3,16})|A0)"  # A0: a NAK names no account
    rb"\[(?P<rest>.*)",
    re.DOTALL | re.VERBOSE,
)
_TAIL = rb"\](?P<xdata>(?:\[[A-Z][^\[\]]*\])*)(?P<time>_.*)?"
_PLAIN = re.compile(rb"(?P<data>[^\[\]]*)" + _TAIL, re.DOTALL)
_DECRYPTED = re.compile(rb"[^\[\]|]*(?:\|(?P<data>[^\[\]]*))?" + _TAIL, re.DOTALL)
_TIME = re.compile(r"_(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})", re.ASCII)
_FIELDS = {  # what an outgoing frame may hold
    "id": re.compile(r"[A-Z0-9]{2,3}(-[A-Z0-9]{1,4})?|NULL"),
    "receiver": re.compile(r"([0-9A-F]{1,6})?"),
    "prefix": re.compile(r"[0-9A-F]{1,6}"),
    "account": re.compile(r"[0-9A-F]{3,16}"),
    "data": re.compile(r"[ -Z\\^-~]*"),  # printable ASCII without [ and ]
}
_XDATA = re.compile(r"[A-Z][ -Z\\^-{}~]*")  # a "|" would look like the end of a pad


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame says."""

    id: str  # SIA-DCS, ADM-CID, NULL, ACK, NAK, DUH, RSP, ...
    seq: int  # 1..9999, 0 in a NAK
    account: str  # "" in a NAK that names none
    data: str = ""
    xdata: tuple[str, ...] = ()  # each begins with its letter
    time_ms: int | None = None  # UTC since 1970, sent in whole seconds
    prefix: str = "0"
    receiver: str = ""
    encrypted: bool = False


def random_pad(length: int) -> bytes:
    """The random start of an encrypted text."""
    return "".join(secrets.choice(_PAD_LETTERS) for _ in range(length)).encode()


def encode(
    frame: Frame, key: bytes | None = None, pad: Callable[[int], bytes] = random_pad
) -> bytes:
    """The frame as bytes; a field that no frame can hold raises SignalError."""
    _check(frame)
    star = "*" if frame.encrypted else ""
    receiver = f"R{frame.receiver}" if frame.receiver else ""
    head = f'"{star}{frame.id}"{frame.seq:04}{receiver}L{frame.prefix}#{frame.account}['
    xdata = "".join(f"[{block}]" for block in frame.xdata)
    stamp = "" if frame.time_ms is None else f"_{time_text(frame.time_ms)}"
    text = f"{frame.data}]{xdata}{stamp}".encode()
    body = head.encode() + (_encrypt(text, key, pad) if frame.encrypted else text)
    if len(body) > MAX_BODY:
        raise SignalError(f"a frame holds {MAX_BODY} bytes, this one needs {len(body)}")
    return b"\n%04X0%03X%b\r" % (crc16_arc(body), len(body), body)


def decode(raw: bytes, key: bytes | None = None) -> Frame:
    """What these bytes say; anything but one whole, right frame raises FrameError."""
    header = _open_envelope(raw)
    encrypted = bool(header["star"])
    content = _decrypt(header["rest"], key) if encrypted else _PLAIN.fullmatch(header["rest"])
    if content is None:
        raise FrameError("wrong_key" if encrypted else "bad_content")
    try:
        data = (content["data"] or b"").decode("ascii")
        xdata = content["xdata"].decode("ascii")
        stamp = (content["time"] or b"").decode("ascii")
    except UnicodeDecodeError:
        raise FrameError("wrong_key" if encrypted else "bad_content") from None
    if encrypted and not stamp:
        raise FrameError("no_time")
    return Frame(
        id=header["id"].decode(),
        seq=int(header["seq"]),
        account=(header["account"] or b"").decode(),
        data=data,
        xdata=tuple(xdata[1:-1].split("][")) if xdata else (),
        time_ms=_time_ms(stamp) if stamp else None,
        prefix=header["prefix"].decode(),
        receiver=(header["receiver"] or b"").decode(),
        encrypted=encrypted,
    )


def time_text(time_ms: int) -> str:
    """A time as DC-09 writes it: UTC, whole seconds, month before day."""
    try:
        moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise SignalError(f"{time_ms} ms since 1970 is outside the calendar") from None
    return f"{moment:%H:%M:%S},{moment:%m-%d}-{moment.year:04}"


def crc16_arc(data: bytes) -> int:
    """CRC-16/ARC: reflected polynomial 0xA001, start 0, no final xor."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def _crc_row(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0xA001 if index & 1 else 0)
    return index


_CRC_TABLE = tuple(_crc_row(index) for index in range(256))


def _check(frame: Frame) -> None:
    for name, pattern in _FIELDS.items():
        value: str = getattr(frame, name)
        if not pattern.fullmatch(value):
            raise SignalError(f"{value!r} cannot be the {name} of a DC-09 frame")
    if not 0 <= frame.seq <= MAX_SEQ:
        raise SignalError(f"{frame.seq} cannot be the sequence number of a DC-09 frame")
    for block in frame.xdata:
        if not _XDATA.fullmatch(block):
            raise SignalError(f"{block!r} cannot be extended data of a DC-09 frame")
    if frame.encrypted and frame.time_ms is None:
        raise SignalError("an encrypted DC-09 frame needs its time")


def _open_envelope(raw: bytes) -> re.Match[bytes]:
    """The header of a frame whose length and checksum are right; `rest` follows the first "["."""
    if len(raw) > MAX_FRAME:
        raise FrameError("too_long")
    envelope = _ENVELOPE.fullmatch(raw)
    if envelope is None:
        raise FrameError("bad_envelope")
    crc, length, body = envelope.groups()
    if int(length, 16) != len(body):
        raise FrameError("bad_length")
    if int(crc, 16) != crc16_arc(body):
        raise FrameError("bad_crc")
    header = _HEADER.fullmatch(body)
    if header is None:
        raise FrameError("bad_header")
    return header


def _encrypt(text: bytes, key: bytes | None, pad: Callable[[int], bytes]) -> bytes:
    if key is None:
        raise SignalError("an encrypted frame needs a key: set key or key_file for the receiver")
    if not text.startswith(b"]"):
        text = b"|" + text  # without data the pad runs up to the "]"
    padded = pad(_BLOCK + -len(text) % _BLOCK) + text
    step = Cipher(AES(key), CBC(_ZERO_IV)).encryptor()
    return (step.update(padded) + step.finalize()).hex().upper().encode()


def _decrypt(digits: bytes, key: bytes | None) -> re.Match[bytes] | None:
    if key is None:
        raise FrameError("no_key")
    if not re.fullmatch(rb"(?:[0-9A-Fa-f]{32})+", digits):
        raise FrameError("bad_cipher")
    step = Cipher(AES(key), CBC(_ZERO_IV)).decryptor()
    return _DECRYPTED.fullmatch(step.update(bytes.fromhex(digits.decode())) + step.finalize())


def _time_ms(stamp: str) -> int:
    match = _TIME.fullmatch(stamp)
    if match is None:
        raise FrameError("bad_time")
    hour, minute, second, month, day, year = map(int, match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise FrameError("bad_time") from None
    return int(moment.timestamp()) * 1000
