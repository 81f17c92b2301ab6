# SPDX-License-Identifier: Apache-2.0
# What an NTAG 424 DNA says of itself: its NDEF file, into which the card writes its number and a
# counter, encrypted, and a CMAC, anew for each reading. NXP NT4H2421Gx, names of AN12196. Only the
# gateway has the keys to check it.
#
# The message is read in one piece: two readings could be of two different proofs.

from binascii import unhexlify

from micropython import const

from .pn532 import TOO_LONG, CardError

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from .pn532 import PN532

HALF = "half a proof"
GARBLED = "garbled"

_SELECT_APPLICATION = b"\x00\xa4\x04\x00\x07\xd2\x76\x00\x00\x85\x01\x01\x00"
_SELECT_FILE = b"\x00\xa4\x00\x0c\x02\xe1\x04"
_READ_LENGTH = b"\x00\xb0\x00\x00\x02"
_LONGEST = const(184)  # bytes of a message; more do not fit into one answer of the reader
_PICC_DATA = (b"picc_data=", 16)  # bytes
_CMAC = (b"cmac=", 8)


async def read_proof(reader: "PN532") -> "bytes | None":
    """Encrypted PICC data and CMAC; None: a plain tag, which has neither. CardError when the card
    went away, or has only half of it."""
    if not reader.is_smart or not await _selected(reader, _SELECT_APPLICATION):
        return None
    if not await _selected(reader, _SELECT_FILE):
        return None
    head = _body(await reader.exchange(_READ_LENGTH))
    if len(head) != 2:
        raise CardError(GARBLED)
    length = head[0] << 8 | head[1]
    if not length:
        return None
    if length > _LONGEST:
        raise CardError(TOO_LONG)
    message = _body(await reader.exchange(b"\x00\xb0\x00\x02" + bytes((length,))))
    if len(message) != length:
        raise CardError(GARBLED)
    return proof_in(message)


def proof_in(message: bytes) -> "bytes | None":
    """Of a link in whatever record: both fields whole, or none."""
    picc_data, cmac = _field(message, *_PICC_DATA), _field(message, *_CMAC)
    if picc_data is None and cmac is None:
        return None
    if not picc_data or not cmac:
        raise CardError(HALF)
    return picc_data + cmac


def _field(message: bytes, name: bytes, count: int) -> "bytes | None":
    """Its bytes; none of them when they are not as many; None: there is no such field."""
    at = message.find(name)
    if at < 1 or message[at - 1] not in b"?&":
        return None
    at += len(name)
    text = message[at : at + 2 * count]
    if message[at + 2 * count : at + 2 * count + 1] not in (b"", b"&", b"#"):
        return b""
    try:
        value = unhexlify(text)
    except ValueError:
        return b""
    return value if len(value) == count else b""


async def _selected(reader: "PN532", command: bytes) -> bool:
    return (await reader.exchange(command))[-2:] == b"\x90\x00"


def _body(answer: bytes) -> bytes:
    """Without the status that says that all is well."""
    if answer[-2:] != b"\x90\x00":
        raise CardError("%#06x" % int.from_bytes(answer[-2:], "big"))
    return answer[:-2]
