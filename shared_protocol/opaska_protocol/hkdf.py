# SPDX-License-Identifier: Apache-2.0
"""HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869); MicroPython has neither."""

import hashlib

_BLOCK = 64  # bytes of a SHA-256 block
_HASH = 32


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    inner = hashlib.sha256(bytes([k ^ 0x36 for k in key]) + message).digest()
    return hashlib.sha256(bytes([k ^ 0x5C for k in key]) + inner).digest()


def hkdf_sha256(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """`length` bytes (at most 8,160) from `key`; an empty salt counts as 32 zero bytes."""
    secret = hmac_sha256(salt or bytes(_HASH), key)
    out = block = b""
    while len(out) < length:
        block = hmac_sha256(secret, block + info + bytes([len(out) // _HASH + 1]))
        out += block
    return out[:length]
