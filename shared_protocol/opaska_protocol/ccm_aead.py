# SPDX-License-Identifier: Apache-2.0
"""AES-CCM-16-64-128 by the `cryptography` package (CPython)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from .errors import SealError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Buffer = bytes | bytearray

_TAG = 8


class AeadCcm:
    """Seals and opens under one 16-byte key."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESCCM(key, tag_length=_TAG)

    def seal(self, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext with the tag behind it."""
        return self._aead.encrypt(nonce, plaintext, aad)

    def open(self, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; SealError("bad_tag") when anything differs."""
        if len(ciphertext) < _TAG:
            raise SealError("bad_tag")
        try:
            return self._aead.decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            raise SealError("bad_tag") from None

    def seal_into(
        self, out: bytearray, at: int, size: int, nonce: "Buffer", aad: "Buffer", aad_size: int
    ) -> None:
        """Seal the plaintext out[at:at+size] where it lies; the tag follows it."""
        sealed = self._aead.encrypt(nonce, bytes(out[at : at + size]), bytes(aad[:aad_size]))
        out[at : at + size + _TAG] = sealed
