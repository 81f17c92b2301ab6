# SPDX-License-Identifier: Apache-2.0
"""A frame: the clear header and, behind it, the COSE_Encrypt0 envelope. SPEC.md, section 3.

up   [1, kid, generation, boot salt, boot, seq, COSE_Encrypt0]
down [2, kid, generation, gateway salt, counter, COSE_Encrypt0]
"""

from . import cbor
from .ccm_small import copy
from .errors import FrameError
from .seal import COSE_HEAD, DOWN, PROTECTED, TAG_SIZE, UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_FRAME = cbor.MAX_SIZE
KID_SIZE = 8
SALT_SIZE = 8
MAX_GENERATION = 0xFFFF
MAX_U32 = 0xFFFFFFFF
MAX_U64 = 0xFFFFFFFFFFFFFFFF


class UpHeader:
    """Whose report, under which key, and its identity (generation, boot, seq)."""

    __slots__ = ("aad", "boot", "generation", "kid", "salt", "seq")

    def __init__(
        self, kid: bytes, generation: int, salt: bytes, boot: int, seq: int, aad: bytes = b""
    ) -> None:
        _check(kid, generation, salt, ((boot, MAX_U32), (seq, MAX_U32)))
        self.kid = kid
        self.generation = generation
        self.salt = salt
        self.boot = boot
        self.seq = seq
        self.aad = aad or cbor.encode([UP, kid, generation, salt, boot, seq])


class DownHeader:
    """For which band, under which key, and the gateway process's own counter."""

    __slots__ = ("aad", "counter", "generation", "kid", "salt")

    def __init__(
        self, kid: bytes, generation: int, salt: bytes, counter: int, aad: bytes = b""
    ) -> None:
        _check(kid, generation, salt, ((counter, MAX_U64),))
        self.kid = kid
        self.generation = generation
        self.salt = salt
        self.counter = counter
        self.aad = aad or cbor.encode([DOWN, kid, generation, salt, counter])


def _check(kid: "Any", generation: "Any", salt: "Any", numbers: "Any") -> None:
    ok = (
        isinstance(kid, bytes)
        and len(kid) == KID_SIZE
        and isinstance(salt, bytes)
        and len(salt) == SALT_SIZE
        and _is_uint(generation, MAX_GENERATION)
        and generation > 0
    )
    if not ok or not all(_is_uint(number, limit) for number, limit in numbers):
        raise FrameError("bad_header")


def _is_uint(value: "Any", limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def parse_up(frame: bytes) -> "tuple[UpHeader, bytes]":
    """(header, ciphertext) of an up frame; CborError or FrameError with its reason."""
    items = _items(frame, UP, 7)
    ciphertext = _ciphertext(items[6])
    _, kid, generation, salt, boot, seq, _ = items
    return UpHeader(kid, generation, salt, boot, seq, _aad(frame, ciphertext)), ciphertext


def parse_down(frame: bytes) -> "tuple[DownHeader, bytes]":
    """(header, ciphertext) of a down frame; CborError or FrameError with its reason."""
    items = _items(frame, DOWN, 6)
    ciphertext = _ciphertext(items[5])
    _, kid, generation, salt, counter, _ = items
    return DownHeader(kid, generation, salt, counter, _aad(frame, ciphertext)), ciphertext


def _items(frame: bytes, direction: int, count: int) -> "Any":
    items = cbor.decode(frame)
    if not cbor.is_array(items) or not items:
        raise FrameError("not_a_frame")
    if items[0] is True or items[0] != direction:
        raise FrameError("wrong_direction")
    if len(items) != count:
        raise FrameError("not_a_frame")
    return items


def _ciphertext(cose: "Any") -> bytes:
    if not cbor.is_array(cose) or len(cose) != 3 or cose[0] != PROTECTED or cose[1] != {}:
        raise FrameError("bad_cose")
    ciphertext = cose[2]
    if not isinstance(ciphertext, bytes) or len(ciphertext) < TAG_SIZE:
        raise FrameError("bad_cose")
    return ciphertext


def _aad(frame: bytes, ciphertext: bytes) -> bytes:
    """The header of a parsed frame as an array of its own: the bytes in front of the envelope."""
    size = len(ciphertext)
    head = 1 if size < 24 else 2 if size < 256 else 3
    return bytes((frame[0] - 1,)) + frame[1 : len(frame) - size - head - len(COSE_HEAD)]


def up_head_into(buffer: bytearray, prefix: bytes, seq: int, size: int) -> int:
    """Write an up frame as far as its ciphertext of `size` bytes; return where that begins.

    `prefix` is the header's AAD up to the seq.
    """
    copy(buffer, 0, prefix, 0, len(prefix))
    buffer[0] += 1  # the array holds the envelope too
    at = cbor.head_into(buffer, len(prefix), 0, seq)
    copy(buffer, at, COSE_HEAD, 0, len(COSE_HEAD))
    return cbor.head_into(buffer, at + len(COSE_HEAD), cbor.BYTES, size)


def build(aad: bytes, ciphertext: bytes) -> bytes:
    """The frame of a header (as its AAD) and a sealed body."""
    frame = bytes((aad[0] + 1,)) + aad[1:] + COSE_HEAD + cbor.encode(ciphertext)
    if len(frame) > MAX_FRAME:
        raise FrameError("too_large")
    return frame


def to_cose(frame: bytes, nonce: bytes) -> "tuple[bytes, bytes]":
    """(COSE_Encrypt0, external_aad) for a generic COSE library, the IV in the unprotected map.

    The unprotected map is not authenticated, so the tag stays valid.
    """
    header, ciphertext = parse_up(frame) if frame[1:2] == b"\x01" else parse_down(frame)
    return cbor.encode([PROTECTED, {5: nonce}, ciphertext]), header.aad
