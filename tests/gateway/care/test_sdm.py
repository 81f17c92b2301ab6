# SPDX-License-Identifier: Apache-2.0
"""A card's proof counts for this card, this reading and these keys, and for nothing else."""

from __future__ import annotations

import os
import random
import time

import pytest

from hardware.simulated.chips.ntag424 import Ntag424 as SimulatedCard
from opaska_gateway.care.sdm import CardKeys, counter_of, signature
from tests.support.cards import Ntag424, new_keys

# NXP AN12196 rev. 1.9, the worked example with PICC data of UID and counter
UID = bytes.fromhex("04de5f1eacc040")
PICC = bytes.fromhex("ef963ff7828658a599f3041510671e88")
MAC = bytes.fromhex("94eed9ee65337086")
ZERO_KEYS = CardKeys(bytes(16), bytes(16))
SEED = 0x5D11


def test_the_example_of_the_application_note_is_understood() -> None:
    assert counter_of(PICC + MAC, UID, ZERO_KEYS) == 61
    assert signature(UID, bytes.fromhex("3d0000"), bytes(16)) == MAC
    card = Ntag424(UID, ZERO_KEYS)
    assert card.proof(61, bytes.fromhex("da5cf60941")) == PICC + MAC, "its own padding"


def test_the_simulated_card_by_another_hand_is_believed() -> None:
    keys = new_keys()
    card = SimulatedCard(UID, keys.meta_read, keys.file_read, counter=60)
    for counter in (61, 62):
        assert counter_of(b"".join(card.proof()), UID, keys) == counter


@pytest.mark.parametrize("counter", [0, 1, 255, 256, 65_536, (1 << 24) - 1])
def test_every_counter_comes_out_as_it_went_in(counter: int) -> None:
    card = Ntag424()
    assert counter_of(card.proof(counter), card.uid, card.keys) == counter


def test_no_bit_of_a_proof_can_be_changed() -> None:
    card = Ntag424()
    proof = card.read()
    for bit in range(len(proof) * 8):
        changed = bytearray(proof)
        changed[bit // 8] ^= 1 << bit % 8
        # the padding of the PICC data is not signed; its block is encrypted as a whole
        assert counter_of(bytes(changed), card.uid, card.keys) is None


def test_a_proof_is_worth_nothing_under_another_card_or_key() -> None:
    card, other = Ntag424(), Ntag424()
    proof = card.read()
    assert counter_of(proof, other.uid, card.keys) is None
    assert counter_of(proof, card.uid, other.keys) is None
    for keys in (
        CardKeys(card.keys.meta_read, other.keys.file_read),
        CardKeys(other.keys.meta_read, card.keys.file_read),
    ):
        assert counter_of(proof, card.uid, keys) is None
    half = Ntag424(card.uid, CardKeys(card.keys.meta_read, new_keys().file_read))
    assert counter_of(half.read(), card.uid, card.keys) is None, "knows one of two keys"


@pytest.mark.parametrize("tag", [0x00, 0x47, 0x87, 0xC4, 0xC6, 0xCF, 0xFF])
def test_picc_data_without_uid_and_counter_proves_nothing(tag: int) -> None:
    card = Ntag424()
    assert counter_of(card.proof(1, tag=tag), card.uid, card.keys) is None


def test_lengths_that_cannot_be_are_refused() -> None:
    card = Ntag424()
    proof = card.read()
    for size in range(64):
        data = (proof * 3)[:size]
        assert (counter_of(data, card.uid, card.keys) is None) == (size != 24)
    for size in (0, 4, 6, 8, 10):
        assert counter_of(proof, (card.uid * 2)[:size], card.keys) is None


@pytest.mark.fuzz
def test_random_and_mutated_proofs_are_refused_without_an_error(effort: int) -> None:
    rng = random.Random(SEED)
    card = Ntag424(UID, CardKeys(rng.randbytes(16), rng.randbytes(16)))
    good = [card.proof(counter, rng.randbytes(5)) for counter in range(20)]
    begun = time.monotonic()
    for _ in range(20_000 * effort):
        data = bytearray(rng.choice(good) if rng.random() < 0.7 else rng.randbytes(24))
        for _ in range(rng.randrange(1, 4)):
            where = rng.randrange(len(data) + 1)
            data[where : where + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        uid = UID if rng.random() < 0.9 else rng.randbytes(rng.randrange(11))
        found = counter_of(bytes(data), uid, card.keys)
        assert found is None or (bytes(data) in good and uid == UID)
    assert time.monotonic() - begun < 60 * effort
    assert counter_of(os.urandom(24), UID, card.keys) is None
