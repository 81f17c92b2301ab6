# SPDX-License-Identifier: Apache-2.0
"""AES-CCM-16-64-128 (RFC 3610: 13-byte nonce, 2-byte length, 8-byte tag).

CPython uses `cryptography`. MicroPython's cryptolib has ECB and CBC only: the tag is the last
block of one CBC pass, the key stream one ECB pass. Its buffers are kept, so that sealing a small
message hardly touches the heap.
"""

from .errors import SealError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TAG_SIZE = 8
NONCE_SIZE = 13

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM
except ImportError:  # MicroPython
    from .ccm_small import SmallCcm as Ccm
else:

    class Ccm:
        """Seals and opens under one 16-byte key."""

        __slots__ = ("_aead",)

        def __init__(self, key: bytes) -> None:
            self._aead = AESCCM(key, tag_length=TAG_SIZE)

        def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
            """Ciphertext with the tag behind it."""
            return self._aead.encrypt(nonce, plaintext, aad)

        def seal_into(
            self, out: bytearray, at: int, size: int, nonce: bytes, aad: bytes, aad_size: int
        ) -> None:
            """Seal the plaintext out[at:at+size] where it lies; the tag follows it."""
            sealed = self._aead.encrypt(nonce, bytes(out[at : at + size]), bytes(aad[:aad_size]))
            out[at : at + size + TAG_SIZE] = sealed

        def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
            """The plaintext; SealError("bad_tag") when anything differs."""
            if len(ciphertext) < TAG_SIZE:
                raise SealError("bad_tag")
            try:
                return self._aead.decrypt(nonce, ciphertext, aad)
            except InvalidTag:
                raise SealError("bad_tag") from None


__all__ = ("NONCE_SIZE", "TAG_SIZE", "Ccm")
