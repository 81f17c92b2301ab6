# SPDX-License-Identifier: Apache-2.0
"""AES-CCM-16-64-128 over an AES that can only do ECB and CBC (MicroPython's cryptolib).

Buffers are kept between messages; only longer ones than ever before allocate.
"""

from .errors import SealError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TAG = 8
_BLOCK = 16
_FLAGS = 0x40 | (_TAG - 2) // 2 << 3 | 1  # with AAD, tag of 8, length field of 2 bytes
_ECB, _CBC = 1, 2


def _aes(key: bytes, mode: int) -> "Any":
    aes: "Any" = __import__("cryptolib").aes  # no such module where types are checked
    return aes(key, mode, bytes(_BLOCK)) if mode == _CBC else aes(key, mode)


def _padded(size: int) -> int:
    return (size + _BLOCK - 1) // _BLOCK * _BLOCK


class SmallCcm:
    """Seals and opens under one 16-byte key; `new_aes(key, mode)` is replaceable for tests."""

    def __init__(self, key: bytes, new_aes: "Any" = _aes) -> None:
        self._ecb = new_aes(key, _ECB)
        self._cbc = new_aes(key, _CBC)
        self._chain = bytearray(_BLOCK)  # where the CBC object stands: its last block
        self._mac = _Blocks(12)
        self._stream = _Blocks(8)

    def seal(self, nonce: "Any", aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext with the tag behind it."""
        size = len(plaintext)
        out = bytearray(size + _TAG)
        out[:size] = plaintext
        self.seal_into(out, 0, size, nonce, aad, len(aad))
        return bytes(out)

    def open(self, nonce: "Any", aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; SealError("bad_tag") when anything differs."""
        size = len(ciphertext) - _TAG
        if size < 0:
            raise SealError("bad_tag")
        out = bytearray(ciphertext)
        self._mask(out, 0, size, nonce)
        sent = bytes(out[size:])
        self._tag_into(out, 0, size, nonce, aad, len(aad))
        difference = 0
        for i in range(_TAG):
            difference |= out[size + i] ^ sent[i]
        if difference:
            raise SealError("bad_tag")
        return bytes(out[:size])

    def seal_into(
        self, out: bytearray, at: int, size: int, nonce: "Any", aad: "Any", aad_size: int
    ) -> None:
        """Seal the plaintext out[at:at+size] where it lies; the tag follows it."""
        self._tag_into(out, at, size, nonce, aad, aad_size)
        self._mask(out, at, size, nonce)

    def _tag_into(
        self, out: bytearray, at: int, size: int, nonce: "Any", aad: "Any", aad_size: int
    ) -> None:
        """CBC-MAC over B0 | length, aad, 0.. | message, 0..; 8 bytes of it behind the message."""
        first = _padded(2 + aad_size)
        total = _BLOCK + first + _padded(size)
        view = self._mac.view(total)
        view[0] = _FLAGS
        copy(view, 1, nonce, 0, 13)
        view[14], view[15] = size >> 8, size & 0xFF
        view[16], view[17] = aad_size >> 8, aad_size & 0xFF
        copy(view, 18, aad, 0, aad_size)
        _clear(view, 18 + aad_size, _BLOCK + first)
        copy(view, _BLOCK + first, out, at, size)
        _clear(view, _BLOCK + first + size, total)
        chain = self._chain
        for i in range(_BLOCK):  # undoes the chaining from the message before
            view[i] ^= chain[i]
        self._cbc.encrypt(view, view)
        copy(chain, 0, view, total - _BLOCK, _BLOCK)
        copy(out, at + size, chain, 0, _TAG)

    def _mask(self, out: bytearray, at: int, size: int, nonce: "Any") -> None:
        """CTR: block 0 of the key stream masks the tag, the others the message."""
        total = _BLOCK + _padded(size)
        stream = self._stream.view(total)
        for n in range(total // _BLOCK):
            base = n * _BLOCK
            stream[base] = 1
            copy(stream, base + 1, nonce, 0, 13)
            stream[base + 14], stream[base + 15] = n >> 8, n & 0xFF
        self._ecb.encrypt(stream, stream)
        for i in range(size):
            out[at + i] ^= stream[_BLOCK + i]
        for i in range(_TAG):
            out[at + size + i] ^= stream[i]


class _Blocks:
    """A buffer of AES blocks and its views by length, made once each."""

    def __init__(self, blocks: int) -> None:
        self._views: "dict[int, memoryview]" = {}
        self._buffer = bytearray(blocks * _BLOCK)

    def view(self, size: int) -> memoryview:
        if size > len(self._buffer):
            self._views = {}
            self._buffer = bytearray(size)
        if size not in self._views:
            self._views[size] = memoryview(self._buffer)[:size]
        return self._views[size]


def copy(to: "Any", to_at: int, source: "Any", at: int, size: int) -> None:
    """Copy bytes one by one: a slice would leave garbage on the heap."""
    for i in range(size):
        to[to_at + i] = source[at + i]


def _clear(buffer: "Any", at: int, end: int) -> None:
    for i in range(at, end):
        buffer[i] = 0
