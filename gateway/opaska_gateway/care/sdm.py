# SPDX-License-Identifier: Apache-2.0
"""Checks what an NTAG 424 DNA says when it is read: secure dynamic messaging, NXP AN12196.

The card encrypts its UID and the number of this reading, and signs both. A proof is these 16 bytes
and the 8 of the signature; the card must be set up so that nothing else is signed
(SDMMACInputOffset equals SDMMACOffset).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

KEY_BYTES: Final = 16
PICC_BYTES: Final = 16
MAC_BYTES: Final = 8
UID_BYTES: Final = 7
COUNTER_BYTES: Final = 3

_TAG: Final = b"\xc7"  # of PICC data: with a UID, with a counter, the UID has 7 bytes
_SV2: Final = bytes.fromhex("3cc300010080")  # derives the key of the signature
_NO_IV: Final = bytes(16)


class CardKeys(NamedTuple):
    """The two keys that a card shares with the gateway."""

    meta_read: bytes  # opens the UID and the counter
    file_read: bytes  # signs


def counter_of(proof: bytes, uid: bytes, keys: CardKeys) -> int | None:
    """The number of this reading, if this card made this proof; None if it did not."""
    if len(proof) != PICC_BYTES + MAC_BYTES or len(uid) != UID_BYTES:
        return None
    picc = _opened(proof[:PICC_BYTES], keys.meta_read)
    counter = picc[1 + UID_BYTES : 1 + UID_BYTES + COUNTER_BYTES]
    good = compare_digest(picc[: 1 + UID_BYTES], _TAG + uid)
    good &= compare_digest(proof[PICC_BYTES:], signature(uid, counter, keys.file_read))
    return int.from_bytes(counter, "little") if good else None


def signature(uid: bytes, counter: bytes, file_read: bytes) -> bytes:
    """Of one reading; the counter as the card has it, lowest byte first."""
    session_key = _cmac(file_read, _SV2 + uid + counter)
    return _cmac(session_key, b"")[1::2]


def _opened(encrypted: bytes, key: bytes) -> bytes:
    decryptor = Cipher(AES(key), CBC(_NO_IV)).decryptor()
    return decryptor.update(encrypted) + decryptor.finalize()


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()
