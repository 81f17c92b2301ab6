# SPDX-License-Identifier: Apache-2.0
"""The key file, and what it protects: band keys and one key per person.

The file holds 32 random bytes as base64 text, mode 0600, outside the database. A database copy
without it opens nothing. Erasing a person means forgetting that person's wrapped key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import stat
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opaska_gateway.errors import ConfigurationError, GatewayError

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # random, as AES-GCM wants; far below 2^32 seals under one key
KEY_NAME = "storage.key_file"


class VaultError(GatewayError):
    """A sealed value that this key does not open."""


class Vault:
    """Wraps and unwraps secrets under the key file."""

    def __init__(self, path: Path) -> None:
        self._cipher = AESGCM(_read_key(path))
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Vault:
        """Make a new key file that only its owner can read; another start's file is kept."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(part)  # whole or not at all, and never over an existing one
        part.unlink()
        _keep_names(path.parent)
        return cls(path)

    def wrap(self, purpose: bytes, secret: bytes) -> bytes:
        """Seal a secret; `purpose` names what and whose it is, and must be given to open it."""
        return _seal(self._cipher, purpose, secret)

    def unwrap(self, purpose: bytes, wrapped: bytes) -> bytes:
        """Open a wrapped secret, or raise VaultError."""
        try:
            return _open(self._cipher, purpose, wrapped)
        except InvalidTag:
            raise VaultError(f"{self.path}: a key that was not sealed under this file") from None


def band_key_purpose(kid: bytes, generation: int) -> bytes:
    """What a band's key of one generation is wrapped for."""
    return b"band-key|" + kid + generation.to_bytes(2, "big")


def person_key_purpose(person_id: bytes) -> bytes:
    """What a person's key is wrapped for."""
    return b"person-key|" + person_id


def carer_key_purpose(carer_id: bytes) -> bytes:
    """What a carer's key is wrapped for."""
    return b"carer-key|" + carer_id


def card_keys_purpose(uid: bytes) -> bytes:
    """What the keys of a card are wrapped for."""
    return b"card-keys|" + uid


def personal_context(column: str, row_id: bytes) -> bytes:
    """Where sealed personal data stands: ("person.sealed", its id). It opens nowhere else."""
    return column.encode() + b"|" + row_id


def new_person_key() -> bytes:
    """A fresh key for one person's data."""
    return os.urandom(KEY_BYTES)


def seal_personal(person_key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """Seal what we know about a person; `context` names the field and its row."""
    return _seal(AESGCM(person_key), context, plaintext)


def open_personal(person_key: bytes, context: bytes, sealed: bytes) -> bytes:
    """Open what `seal_personal` made for the same field and row, or raise VaultError."""
    try:
        return _open(AESGCM(person_key), context, sealed)
    except InvalidTag:
        raise VaultError("personal data sealed under another key or for another field") from None


def _seal(cipher: AESGCM, context: bytes, plaintext: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, context)


def _open(cipher: AESGCM, context: bytes, sealed: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


def _keep_names(folder: Path) -> None:
    """A file's own fsync does not make its name durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_key(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_bytes()
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})", "write the path of") from None
    if mode & 0o077:
        raise _unusable(
            path, f"others may read it (mode {mode:04o})", f"run `chmod 600 {path}` on"
        )
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise _unusable(path, f"does not hold {KEY_BYTES} bytes as base64 text", "put back")
    return key


def _unusable(path: Path, problem: str, advice: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: {KEY_NAME}: {problem}; {advice} the key file made with this database"
    )
