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
    from cryptolib import aes

    return aes(key, mode, bytes(_BLOCK)) if mode == _CBC else aes(key, mode)


def _padded(size: int) -> int:
    return (size + _BLOCK - 1) // _BLOCK * _BLOCK


class SmallCcm:
    """Seals and opens under one 16-byte key; `new_aes(key, mode)` is replaceable for tests."""

    def __init__(self, key: bytes, new_aes: "Any" = _aes) -> None:
        self._ecb = new_aes(key, _ECB)
        self._cbc = new_aes(key, _CBC)
        self._chain = bytearray(_BLOCK)  # where the CBC object stands: its last block
        self._blocks = bytearray(12 * _BLOCK)
        self._stream = bytearray(8 * _BLOCK)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext with the tag behind it."""
        size = len(plaintext)
        out = bytearray(size + _TAG)
        out[:size] = plaintext
        self._tag_into(out, size, nonce, aad)
        self._mask(out, size, nonce)
        return bytes(out)

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; SealError("bad_tag") when anything differs."""
        size = len(ciphertext) - _TAG
        if size < 0:
            raise SealError("bad_tag")
        out = bytearray(ciphertext)
        self._mask(out, size, nonce)
        sent = bytes(out[size:])
        self._tag_into(out, size, nonce, aad)
        difference = 0
        for i in range(_TAG):
            difference |= out[size + i] ^ sent[i]
        if difference:
            raise SealError("bad_tag")
        return bytes(out[:size])

    def seal_into(self, out: bytearray, at: int, size: int, nonce: "Any", aad: "Any") -> None:
        """Seal the plaintext out[at:at+size] where it lies; the tag follows it."""
        self._tag_into(out, size, nonce, aad, at)
        self._mask(out, size, nonce, at)

    def _tag_into(self, out: bytearray, size: int, nonce: "Any", aad: "Any", at: int = 0) -> None:
        """CBC-MAC over B0 | len(aad) aad 0.. | message 0.., its first 8 bytes behind the message."""
        first = _padded(2 + len(aad))
        total = _BLOCK + first + _padded(size)
        if len(self._blocks) < total:
            self._blocks = bytearray(total)
        blocks = self._blocks
        blocks[0] = _FLAGS
        blocks[1:14] = nonce
        blocks[14], blocks[15] = size >> 8, size & 0xFF
        blocks[16], blocks[17] = len(aad) >> 8, len(aad) & 0xFF
        blocks[18 : 18 + len(aad)] = aad
        for i in range(18 + len(aad), _BLOCK + first):
            blocks[i] = 0
        for i in range(size):
            blocks[_BLOCK + first + i] = out[at + i]
        for i in range(_BLOCK + first + size, total):
            blocks[i] = 0
        chain = self._chain
        for i in range(_BLOCK):  # undoes the chaining from the message before
            blocks[i] ^= chain[i]
        view = memoryview(blocks)[:total]
        self._cbc.encrypt(view, view)
        for i in range(_BLOCK):
            chain[i] = blocks[total - _BLOCK + i]
        for i in range(_TAG):
            out[at + size + i] = chain[i]

    def _mask(self, out: bytearray, size: int, nonce: "Any", at: int = 0) -> None:
        """CTR: block 0 of the key stream masks the tag, the others the message."""
        total = _BLOCK + _padded(size)
        if len(self._stream) < total:
            self._stream = bytearray(total)
        stream = self._stream
        for n in range(total // _BLOCK):
            base = n * _BLOCK
            stream[base] = 1
            stream[base + 1 : base + 14] = nonce
            stream[base + 14], stream[base + 15] = n >> 8, n & 0xFF
        view = memoryview(stream)[:total]
        self._ecb.encrypt(view, view)
        for i in range(size):
            out[at + i] ^= stream[_BLOCK + i]
        for i in range(_TAG):
            out[at + size + i] ^= stream[i]
