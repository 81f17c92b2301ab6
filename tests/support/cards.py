# SPDX-License-Identifier: Apache-2.0
"""Carers' cards for tests of the gateway: what a band reads from them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from opaska_gateway.care.sdm import CardKeys, signature


def new_uid() -> bytes:
    """As NXP numbers its chips."""
    return b"\x04" + os.urandom(6)


def new_keys() -> CardKeys:
    return CardKeys(os.urandom(16), os.urandom(16))


@dataclass
class Ntag424:
    """Counts its readings and proves each."""

    uid: bytes = field(default_factory=new_uid)
    keys: CardKeys = field(default_factory=new_keys)
    counter: int = 0

    def read(self) -> bytes:
        """The next proof."""
        self.counter += 1
        return self.proof(self.counter)

    def proof(self, counter: int, padding: bytes | None = None, tag: int = 0xC7) -> bytes:
        """The proof of one reading."""
        number = counter.to_bytes(3, "little")
        clear = bytes([tag]) + self.uid + number + (padding or os.urandom(5))
        encryptor = Cipher(AES(self.keys.meta_read), CBC(bytes(16))).encryptor()
        picc = encryptor.update(clear) + encryptor.finalize()
        return picc + signature(self.uid, number, self.keys.file_read)
