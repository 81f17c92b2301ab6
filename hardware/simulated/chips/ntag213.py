# SPDX-License-Identifier: Apache-2.0
"""NTAG213, by its data sheet (NXP 265310, NTAG213/215/216): 45 pages of four bytes. Anybody can
read it and write a copy; nothing in it is secret."""

from __future__ import annotations

from .nfc_field import Card

PAGES = 45
_PAGE = 4  # bytes
_USER = range(4, 40)  # pages that anybody may write
_CASCADE_TAG = 0x88
_CAPABILITY = bytes((0xE1, 0x10, 0x12, 0x00))
_EMPTY_NDEF = bytes((0x03, 0x00, 0xFE, 0x00))
_VERSION = bytes((0x00, 0x04, 0x04, 0x02, 0x01, 0x00, 0x0F, 0x03))
_GET_VERSION, _READ, _FAST_READ, _WRITE = 0x60, 0x30, 0x3A, 0xA2
_ACK = b"\x0a"  # four bits in the air


class Ntag213(Card):
    """It answers nothing to what it does not know."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid)
        if len(uid) != 7:
            raise ValueError("an NTAG213 has a number of 7 bytes")
        first = _CASCADE_TAG ^ uid[0] ^ uid[1] ^ uid[2]
        second = uid[3] ^ uid[4] ^ uid[5] ^ uid[6]
        begin = bytes((*uid[:3], first, *uid[3:], second, 0x48, 0, 0)) + _CAPABILITY + _EMPTY_NDEF
        self._memory = bytearray(begin.ljust(PAGES * _PAGE, b"\0"))

    def answer(self, command: bytes) -> bytes | None:
        code, *of = command
        if code == _GET_VERSION and not of:
            return _VERSION
        if code == _READ and len(of) == 1 and of[0] < PAGES:
            return bytes((self._memory * 2)[of[0] * _PAGE :][: 4 * _PAGE])
        if code == _FAST_READ and len(of) == 2 and of[0] <= of[1] < PAGES:
            return bytes(self._memory[of[0] * _PAGE : (of[1] + 1) * _PAGE])
        if code == _WRITE and len(of) == 1 + _PAGE and of[0] in _USER:
            self._memory[of[0] * _PAGE : (of[0] + 1) * _PAGE] = bytes(of[1:])
            return _ACK
        return None
