# SPDX-License-Identifier: Apache-2.0
"""A COSE library that we did not write opens our messages, and we open its."""

import json
import subprocess
from pathlib import Path

import cbor2
import pytest

from opaska_protocol import frame, seal
from opaska_protocol.channel import BandChannel, GatewayChannel
from tests.protocol import wire
from tests.protocol.wire import Vector

PYTHON = wire.ROOT / ".venv-oracle" / "bin" / "python"
SCRIPT = Path(__file__).with_name("cose_oracle.py")
pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="needs pycose in .venv-oracle: make setup"
)

FRAMES = [vector for _, _, vector in wire.vectors("frames", group="accepted")]


def oracle(questions: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return what pycose answers to each question."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(
        [PYTHON, SCRIPT], input=lines, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def key_of(vector: Vector) -> bytes:
    """Return the derived key of a frame."""
    derive = seal.derive_up_key if vector["way"] == "up" else seal.derive_down_key
    return derive(bytes.fromhex(vector["k_gen"]), bytes.fromhex(vector["salt"]))


def opening(vector: Vector) -> dict[str, str]:
    """Return the question to open a frame of ours."""
    cose, aad = frame.to_cose(bytes.fromhex(vector["frame"]), bytes.fromhex(vector["nonce"]))
    return {"key": key_of(vector).hex(), "aad": aad.hex(), "cose": cose.hex()}


def test_other_library_opens_every_frame_of_ours() -> None:
    answers = oracle([opening(vector) for vector in FRAMES])
    assert [answer["plaintext"] for answer in answers] == [vector["body"] for vector in FRAMES]


def test_other_library_refuses_our_frame_under_another_header() -> None:
    question = opening(FRAMES[0]) | {"aad": FRAMES[1]["aad"]}
    with pytest.raises(AssertionError, match=r"InvalidTag|Failed to decrypt"):
        oracle([question])


def test_we_open_every_message_that_the_other_library_seals() -> None:
    questions = [
        {
            "key": key_of(vector).hex(),
            "aad": vector["aad"],
            "nonce": vector["nonce"],
            "plaintext": vector["body"],
        }
        for vector in FRAMES
    ]
    for vector, answer in zip(FRAMES, oracle(questions), strict=True):
        protected, unprotected, ciphertext = cbor2.loads(bytes.fromhex(answer["cose"]))
        assert (protected, unprotected) == (seal.PROTECTED, {5: bytes.fromhex(vector["nonce"])})
        built = frame.build(bytes.fromhex(vector["aad"]), ciphertext)
        assert built.hex() == vector["frame"]
        assert opened_by_us(vector, built).hex() == vector["body"]


def opened_by_us(vector: Vector, data: bytes) -> bytes:
    """Return the body of a frame."""
    kid, k_gen = bytes.fromhex(vector["kid"]), bytes.fromhex(vector["k_gen"])
    if vector["way"] == "down":
        return BandChannel(kid, vector["generation"], k_gen, 1, bytes(8)).open(data)
    return GatewayChannel(kid, vector["generation"], k_gen, bytes(8)).open(*frame.parse_up(data))
