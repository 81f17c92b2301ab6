# SPDX-License-Identifier: Apache-2.0
"""The key file: made once, for its owner only; what it wraps opens for nobody and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from opaska_gateway import vault
from opaska_gateway.errors import ConfigurationError
from opaska_gateway.vault import Vault, VaultError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "opaska.key"


def test_a_new_key_file_is_for_its_owner_only(path: Path) -> None:
    Vault.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_second_first_start_keeps_the_file_of_the_first(path: Path) -> None:
    wrapped = Vault.create(path).wrap(b"p", b"secret")
    assert Vault.create(path).unwrap(b"p", wrapped) == b"secret"


def test_a_new_key_file_outlives_a_power_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes first, then the folder that names it: what is wrapped under it will be durable."""
    kept: list[tuple[bool, bool]] = []

    def sync(descriptor: int) -> None:
        kept.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    Vault.create(path)
    assert kept == [(False, False), (True, True)]


def test_what_is_wrapped_opens_again_only_for_its_purpose_and_key(path: Path) -> None:
    kid = bytes(8)
    here = Vault.create(path)
    wrapped = here.wrap(vault.band_key_purpose(kid, 1), b"sixteen bytes...")
    assert here.unwrap(vault.band_key_purpose(kid, 1), wrapped) == b"sixteen bytes..."
    for purpose in (
        vault.band_key_purpose(kid, 2),
        vault.band_key_purpose(b"\1" * 8, 1),
        vault.person_key_purpose(kid),
    ):
        with pytest.raises(VaultError):
            here.unwrap(purpose, wrapped)
    other = Vault.create(path.with_name("other.key"))
    with pytest.raises(VaultError):
        other.unwrap(vault.band_key_purpose(kid, 1), wrapped)


def test_every_changed_byte_is_noticed(path: Path) -> None:
    here = Vault.create(path)
    wrapped = here.wrap(b"p", b"secret")
    for at in range(len(wrapped)):
        spoiled = bytearray(wrapped)
        spoiled[at] ^= 1
        with pytest.raises(VaultError):
            here.unwrap(b"p", bytes(spoiled))
    for size in range(len(wrapped)):
        with pytest.raises(VaultError):
            here.unwrap(b"p", wrapped[:size])


def test_the_same_secret_is_never_sealed_alike(path: Path) -> None:
    here = Vault.create(path)
    assert len({here.wrap(b"p", b"secret") for _ in range(100)}) == 100


def test_personal_data_opens_only_in_its_own_field_and_row() -> None:
    key = vault.new_person_key()
    here = vault.personal_context("person.sealed", b"row")
    sealed = vault.seal_personal(key, here, b"Maria")
    assert vault.open_personal(key, here, sealed) == b"Maria"
    for context in (
        vault.personal_context("person.sealed", b"other row"),
        vault.personal_context("place.sealed", b"row"),
    ):
        with pytest.raises(VaultError):
            vault.open_personal(key, context, sealed)
    with pytest.raises(VaultError):
        vault.open_personal(vault.new_person_key(), here, sealed)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    Vault.create(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"others may read it.*chmod 600 {path}"):
        Vault(path)


# what somebody put there instead
SPOILED = ["", "not base64 at all!", "QUJD", "A" * 44 + "A" * 44, "zażółć"]


@pytest.mark.parametrize("text", SPOILED)
def test_a_spoiled_key_file_is_refused_with_a_sentence(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"storage\.key_file: does not hold 32 bytes"):
        Vault(path)


def test_a_missing_key_file_is_refused_with_a_sentence(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"storage\.key_file: cannot be read"):
        Vault(path)
