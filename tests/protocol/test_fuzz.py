# SPDX-License-Identifier: Apache-2.0
"""10^5 random and mutated inputs for every decoder: each one understood or refused by name.

OPASKA_FUZZ sets the number; `make fuzz` takes ten times as many.
"""

import json
import os
import resource
import sys
import time

import pytest

from opaska_protocol.reasons import REASONS
from tests.on_micropython import protocol_fuzz
from tests.protocol import wire

COUNT = int(os.environ.get("OPASKA_FUZZ", "100000"))
ON_MICROPYTHON = COUNT // 5  # inputs of each decoder there
SEED = 0x5EED
LONGEST_S = 60.0  # for one decoder; they take about two
LEAST_KINDS = {"motion": 6}  # of outcomes that must be seen; it has no more, others at least 10
MORE_MEMORY = 32 << 20  # bytes that the process may grow by; a leak of 400 B an input would show

pytestmark = pytest.mark.fuzz


def resident() -> int:
    """Return the most memory that this process has held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


@pytest.mark.parametrize("decoder", protocol_fuzz.DECODERS)
def test_decoder_survives_what_the_network_may_bring(decoder: str, effort: int) -> None:
    corpus = wire.corpus(decoder)
    protocol_fuzz.run(decoder, corpus, SEED, 1000)
    before, begun = resident(), time.monotonic()
    _, seen = protocol_fuzz.run(decoder, corpus, SEED, COUNT * effort)
    assert sum(seen.values()) == COUNT * effort
    assert set(seen) <= {"accepted", *REASONS}
    assert seen["accepted"] > 0  # it reaches beyond the refusals
    assert len(seen) >= LEAST_KINDS.get(decoder, 10)  # and many of them
    assert resident() - before < MORE_MEMORY
    assert time.monotonic() - begun < LONGEST_S * effort


def test_both_cbor_decoders_find_the_same_in_everything(effort: int) -> None:
    corpus = wire.corpus("cbor")
    large = protocol_fuzz.run("cbor", corpus, SEED + 1, COUNT * effort)
    assert protocol_fuzz.run("cbor_small", corpus, SEED + 1, COUNT * effort) == large


@pytest.mark.parametrize(
    "decoder", [name for name in protocol_fuzz.DECODERS if name != "cbor_small"]
)
def test_micropython_finds_the_same_in_a_bands_heap(decoder: str, effort: int) -> None:
    corpus = wire.corpus(decoder)
    count = ON_MICROPYTHON * effort
    printed = wire.micropython(
        "protocol_fuzz.py",
        decoder,
        str(SEED),
        str(count),
        timeout_s=240 * effort,
        stdin="".join(f"{data.hex()}\n" for data in corpus),
    )
    digest, seen = protocol_fuzz.run(decoder, corpus, SEED, count)
    assert json.loads(printed) == [digest, seen]
