# SPDX-License-Identifier: Apache-2.0
"""Keys, nonces and the COSE_Encrypt0 envelope (RFC 9052) around a body. SPEC.md, section 4."""

from . import cbor
from .ccm import NONCE_SIZE, TAG_SIZE, Ccm
from .ccm_small import copy
from .hkdf import hkdf_sha256

KEY_SIZE = 16
UP, DOWN = 1, 2  # directions, first byte of header and nonce
PROTECTED = b"\xa1\x01\x0a"  # {1 (alg): 10 (AES-CCM-16-64-128)}
COSE_HEAD = b"\x83\x43" + PROTECTED + b"\xa0"  # [protected, {}, ciphertext...
_CONTEXT = b"\x83\x68Encrypt0\x43" + PROTECTED  # Enc_structure up to external_aad

_INFO_UP = b"opaska/1 up"
_INFO_DOWN = b"opaska/1 down"
_INFO_PSK = b"opaska/1 tls-psk"

__all__ = ("COSE_HEAD", "DOWN", "KEY_SIZE", "NONCE_SIZE", "PROTECTED", "TAG_SIZE", "UP", "Ccm")


def derive_up_key(k_gen: bytes, salt: bytes) -> bytes:
    """Key of everything that a band seals during one boot; `salt` is that boot's."""
    return hkdf_sha256(k_gen, salt, _INFO_UP, KEY_SIZE)


def derive_down_key(k_gen: bytes, salt: bytes) -> bytes:
    """Key of everything that one gateway process seals for one band; `salt` is the process's."""
    return hkdf_sha256(k_gen, salt, _INFO_DOWN, KEY_SIZE)


def derive_psk(k_gen: bytes) -> bytes:
    """The band's TLS-PSK; without salt, since the broker's file is static."""
    return hkdf_sha256(k_gen, b"", _INFO_PSK, KEY_SIZE)


def up_nonce(generation: int, boot: int, seq: int) -> bytes:
    nonce = bytearray(NONCE_SIZE)
    up_nonce_into(nonce, generation, boot, seq)
    return bytes(nonce)


def up_nonce_into(nonce: bytearray, generation: int, boot: int, seq: int) -> None:
    """direction 1 | generation 2 | boot 4 | seq 4 | 00 00"""
    nonce[0] = UP
    _put(nonce, 1, 2, generation)
    _put(nonce, 3, 4, boot)
    _put(nonce, 7, 4, seq)


def down_nonce(generation: int, counter: int) -> bytes:
    """direction 1 | generation 2 | counter 8 | 00 00"""
    return bytes((DOWN,)) + generation.to_bytes(2, "big") + counter.to_bytes(8, "big") + b"\0\0"


def _put(buffer: bytearray, at: int, size: int, number: int) -> None:
    for i in range(size - 1, -1, -1):
        buffer[at + i] = number & 0xFF
        number >>= 8


def up_context_into(buffer: bytearray, prefix: bytes, seq: int) -> int:
    """Write the Enc_structure of an up header, given up to its seq; return the size."""
    size = len(prefix) + cbor.head_into(buffer, 0, 0, seq)  # measured where it is overwritten next
    copy(buffer, 0, _CONTEXT, 0, len(_CONTEXT))
    at = cbor.head_into(buffer, len(_CONTEXT), cbor.BYTES, size)
    copy(buffer, at, prefix, 0, len(prefix))
    return cbor.head_into(buffer, at + len(prefix), 0, seq)


def enc_structure(external_aad: bytes) -> bytes:
    """What AES-CCM authenticates: ["Encrypt0", protected, external_aad] (RFC 9052, 5.3)."""
    return _CONTEXT + cbor.encode(external_aad)
