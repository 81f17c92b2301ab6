# SPDX-License-Identifier: Apache-2.0
"""Every vector means the same on CPython, on MicroPython and in its file."""

import hashlib
import hmac
import json
from collections import Counter
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from opaska_protocol.reasons import REASONS
from opaska_tools import vectors as generator
from tests.on_micropython import protocol_vectors
from tests.on_micropython.protocol_notation import notation
from tests.protocol import wire
from tests.protocol.wire import Vector

FILES = protocol_vectors.FILES
NOT_FROM_BYTES = {"bad_value", "missing_field"}  # reasons of the encoders; no bytes can show them


@pytest.fixture(scope="module")
def on_micropython() -> dict[tuple[str, str, str], Any]:
    """Return what MicroPython made of every vector."""
    printed = wire.micropython("protocol_vectors.py", str(wire.FOLDER), heap="2M")
    lines = [json.loads(line) for line in printed.splitlines()]
    return {(name, group, vector): found for name, group, vector, found in lines}


def stated(vector: Vector, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the vector's file says about the members that were found."""
    return {member: vector.get(member) for member in found}


@wire.parameters(*FILES)
def test_vector_is_understood_alike_on_both_runtimes(
    name: str, group: str, vector: Vector, on_micropython: dict[tuple[str, str, str], Any]
) -> None:
    found = json.loads(json.dumps(protocol_vectors.outcome(name, vector)))
    assert found == stated(vector, found)
    assert ("reason" in found) == (group != "accepted")
    assert on_micropython[name, group, vector["name"]] == found


def test_every_vector_ran_on_micropython_under_a_name_of_its_own(
    on_micropython: dict[tuple[str, str, str], Any],
) -> None:
    names = Counter((name, group, vector["name"]) for name, group, vector in wire.vectors(*FILES))
    assert [name for name, times in names.items() if times > 1] == []
    assert set(names) == set(on_micropython)


def test_committed_bytes_are_what_the_generator_writes() -> None:
    assert generator.stale() == [], "run: .venv/bin/python -m opaska_tools.vectors"


def test_every_reason_that_bytes_can_cause_has_a_vector() -> None:
    shown = {vector["reason"] for _, _, vector in wire.vectors(*FILES) if "reason" in vector}
    assert shown == set(REASONS) - NOT_FROM_BYTES


def test_diagnostic_notation_survives_reading_and_writing() -> None:
    for _, _, vector in wire.vectors("cbor", group="accepted"):
        value = generator.parse_notation(vector["value"])
        assert notation(value) == vector["value"]
    for text in ("", "1 2", "[1", "{1}", "null", "1.5", "h'0'", "{1: }"):
        with pytest.raises(ValueError, match="not diagnostic notation"):
            generator.parse_notation(text)


@wire.parameters("keys")
def test_known_keys_are_those_of_other_libraries(name: str, group: str, vector: Vector) -> None:
    def hkdf(ikm: bytes, salt: bytes | None, info: bytes, size: int) -> str:
        return HKDF(hashes.SHA256(), size, salt, info).derive(ikm).hex()

    def member(of: str) -> bytes:
        return bytes.fromhex(vector[of])

    if "hmac" in vector:
        assert hmac.digest(member("key"), member("data"), hashlib.sha256).hex() == vector["hmac"]
    elif "okm" in vector:
        size = len(vector["okm"]) // 2
        assert hkdf(member("ikm"), member("salt"), member("info"), size) == vector["okm"]
    else:
        for key, info in (("up", b"opaska/1 up"), ("down", b"opaska/1 down")):
            assert hkdf(member("k_gen"), member("salt"), info, 16) == vector[key]
        assert hkdf(member("k_gen"), None, b"opaska/1 tls-psk", 16) == vector["tls_psk"]


@wire.parameters("ccm", group="accepted")
def test_known_seals_are_those_of_another_library(name: str, group: str, vector: Vector) -> None:
    key, nonce, aad, plaintext = (
        bytes.fromhex(vector[member]) for member in ("key", "nonce", "aad", "plaintext")
    )
    sealed = AESCCM(key, tag_length=8).encrypt(nonce, plaintext, aad)
    assert sealed.hex() == vector["sealed"]
