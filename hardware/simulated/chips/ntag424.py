# SPDX-License-Identifier: Apache-2.0
"""NTAG 424 DNA, by its data sheet (NXP NT4H2421Gx) and application note (NXP AN12196): the files
of an NFC Forum type 4 tag, and the secure dynamic message in its NDEF file: number and counter of
the card under one key, and a CMAC under another, anew for each reading."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC

from .nfc_field import Card

if TYPE_CHECKING:
    from collections.abc import Callable

APPLICATION = bytes.fromhex("d2760000850101")  # of a type 4 tag
LINK = "opaska.invalid/card"
FILE_BYTES = 256

_CAPABILITY, _NDEF, _PROPRIETARY = 0xE103, 0xE104, 0xE105
_CAPABILITIES = bytes.fromhex("001720010000ff0406e104010000000506e10500808283")
_TAG = b"\xc7"  # PICC data: a number of seven bytes and a counter follow
_SESSION = bytes.fromhex("3cc300010080")  # of one block of 128 bits, for CMACs
_HTTPS = 0x04  # abbreviation in an NDEF record of a link
_LAST_COUNT = 0xFFFFFF
_SELECT, _READ_BINARY = 0xA4, 0xB0
_DONE, _LENGTH, _NO_ACCESS, _NOT_NOW = 0x9000, 0x6700, 0x6982, 0x6985
_NO_FILE, _PARAMETERS, _INSTRUCTION, _CLASS = 0x6A82, 0x6A86, 0x6D00, 0x6E00


class Ntag424(Card):
    """`meta_key` encrypts number and counter (SDMMetaReadKey), `file_key` is that of the CMAC
    (SDMFileReadKey), which is over nothing but them. `counter` is that of the last reading."""

    sens_res = 0x0344
    ats = bytes.fromhex("067777710280")

    def __init__(
        self,
        uid: bytes,
        meta_key: bytes,
        file_key: bytes,
        counter: int = 0,
        padding: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        super().__init__(uid)
        if len(uid) != 7:
            raise ValueError("an NTAG 424 DNA has a number of 7 bytes")
        self.counter = counter
        self._meta_key = meta_key
        self._file_key = file_key
        self._padding = padding
        self.begin()

    def begin(self) -> None:
        self._in_application = False
        self._file = 0  # that is selected
        self._message = b""  # what its NDEF file says since that

    def answer(self, command: bytes) -> bytes | None:
        if len(command) < 4:
            return _status(_LENGTH)
        if command[0] != 0x00:
            return _status(_CLASS)
        if command[1] == _SELECT:
            return _status(self._select(command))
        if command[1] == _READ_BINARY:
            return self._read(command)
        return _status(_INSTRUCTION)

    def proof(self) -> tuple[bytes, bytes]:
        """The next one, encrypted PICC data and truncated CMAC: the counter goes on."""
        self.counter += 1
        known = self.uid + self.counter.to_bytes(3, "little")
        block = _TAG + known + self._padding(5)
        picc_data = Cipher(AES(self._meta_key), CBC(bytes(16))).encryptor().update(block)
        session_key = _cmac(self._file_key, _SESSION + known)  # AN12196 3.3: SV2
        return picc_data, _cmac(session_key, b"")[1::2]

    def _next_message(self) -> bytes:
        """The whole NDEF file: length, one record with a link, nothing."""
        picc_data, cmac = self.proof()
        link = f"{LINK}?picc_data={picc_data.hex().upper()}&cmac={cmac.hex().upper()}".encode()
        record = bytes((0xD1, 1, 1 + len(link), ord("U"), _HTTPS)) + link
        return (len(record).to_bytes(2, "big") + record).ljust(FILE_BYTES, b"\0")

    # --- commands ---

    def _select(self, command: bytes) -> int:
        how, name = command[2], command[5 : 5 + command[4]] if len(command) > 5 else b""
        if how == 0x04:
            self._in_application = name == APPLICATION
            self._file = 0
            return _DONE if self._in_application else _NO_FILE
        if how not in (0x00, 0x02) or len(name) != 2:
            return _PARAMETERS
        file = int.from_bytes(name, "big")
        if not self._in_application or file not in (_CAPABILITY, _NDEF, _PROPRIETARY):
            return _NO_FILE
        self._file, self._message = file, b""
        return _DONE

    def _read(self, command: bytes) -> bytes:
        if command[2] & 0x80 or len(command) > 5:
            return _status(_PARAMETERS)
        if self._file == _PROPRIETARY:
            return _status(_NO_ACCESS)
        if not self._file or (self._file == _NDEF and self.counter >= _LAST_COUNT):
            return _status(_NOT_NOW)
        if self._file == _NDEF:
            self._message = self._message or self._next_message()
        data = _CAPABILITIES if self._file == _CAPABILITY else self._message
        offset, wanted = command[2] << 8 | command[3], command[4] if len(command) > 4 else 0
        if offset + wanted > len(data):
            return _status(_LENGTH)
        return data[offset : offset + wanted if wanted else None] + _status(_DONE)


def _status(word: int) -> bytes:
    return word.to_bytes(2, "big")


def _cmac(key: bytes, data: bytes) -> bytes:
    cmac = CMAC(AES(key))
    cmac.update(data)
    return cmac.finalize()
