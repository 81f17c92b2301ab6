# SPDX-License-Identifier: Apache-2.0
"""Seals: nothing changed passes, no (key, nonce) comes twice, only honest keys are kept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from opaska_protocol import frame, reports, seal
from opaska_protocol.ccm_small import SmallCcm
from opaska_protocol.channel import BandChannel, GatewayChannel
from opaska_protocol.errors import FrameError, ProtocolError, SealError
from tests.on_micropython.protocol_flips import flips
from tests.on_micropython.protocol_fuzz import K_GEN, KID
from tests.protocol import wire

SALT = bytes.fromhex("5a17b0070000000c")
GATEWAY_SALT = bytes.fromhex("5a176a7e00000001")
BODY = reports.encode_report(reports.ALARM, {"uptime_ms": 1000, "kind": reports.SOS})
FLIPPED = [
    "SOS",
    "heartbeat with one open report",
    "SOS with time and position",
    "answer STORED",
    "order settings",
]

U16 = st.integers(1, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
U64 = st.integers(0, (1 << 64) - 1)


# --- changed on the way ---


def way(name: str) -> str:
    """Return the direction of an accepted frame."""
    return "down" if name.startswith(("answer", "order")) else "up"


@pytest.mark.parametrize("name", FLIPPED)
def test_every_flipped_bit_is_refused_with_a_reason(name: str) -> None:
    data = wire.frame(name)
    seen = flips(way(name), data)
    assert "accepted" not in seen
    assert sum(seen.values()) == 8 * len(data)
    assert seen["bad_tag"] >= 64  # at least every bit of the tag


@pytest.mark.parametrize("name", ["SOS", "answer STORED"])
def test_every_flipped_bit_is_refused_alike_on_micropython(name: str) -> None:
    printed = wire.micropython("protocol_flips.py", way(name), wire.frame(name).hex())
    assert json.loads(printed) == flips(way(name), wire.frame(name))


@pytest.mark.parametrize("name", FLIPPED)
def test_every_shortened_frame_is_refused(name: str) -> None:
    data = wire.frame(name)
    for size in range(len(data)):
        with pytest.raises(ProtocolError):
            _open(way(name), data[:size])


def _open(direction: str, data: bytes) -> bytes:
    if direction == "down":
        return BandChannel(KID, 1, K_GEN, 12, SALT).open(data)
    header, ciphertext = frame.parse_up(data)
    return GatewayChannel(KID, 1, K_GEN, GATEWAY_SALT).open(header, ciphertext)


@given(st.binary(min_size=16, max_size=16), U16, U32, U32, st.binary(max_size=300))
def test_what_a_band_seals_only_its_gateway_opens(
    k_gen: bytes, generation: int, boot: int, seq: int, body: bytes
) -> None:
    sealed = BandChannel(KID, generation, k_gen, boot, SALT).seal(seq, body)
    header, ciphertext = frame.parse_up(sealed)
    assert (header.kid, header.generation, header.boot, header.seq) == (KID, generation, boot, seq)
    assert GatewayChannel(KID, generation, k_gen, GATEWAY_SALT).open(header, ciphertext) == body
    other = bytes((k_gen[0] ^ 1,)) + k_gen[1:]
    with pytest.raises(SealError, match="bad_tag"):
        GatewayChannel(KID, generation, other, GATEWAY_SALT).open(header, ciphertext)


@given(st.binary(min_size=16, max_size=16), U16, U64, st.binary(max_size=300))
def test_what_a_gateway_seals_only_its_band_opens(
    k_gen: bytes, generation: int, counter: int, body: bytes
) -> None:
    sealed = GatewayChannel(KID, generation, k_gen, GATEWAY_SALT).seal(counter, body)
    assert BandChannel(KID, generation, k_gen, 12, SALT).open(sealed) == body
    with pytest.raises(SealError, match="wrong_band"):
        BandChannel(bytes(8), generation, k_gen, 12, SALT).open(sealed)
    with pytest.raises(SealError, match="wrong_band"):
        BandChannel(KID, generation % 0xFFFF + 1, k_gen, 12, SALT).open(sealed)


def test_no_end_writes_a_frame_that_the_other_must_refuse() -> None:
    band = BandChannel(KID, 1, K_GEN, 12, SALT)
    gateway = GatewayChannel(KID, 1, K_GEN, GATEWAY_SALT)
    for seq in (-1, 1 << 32):
        with pytest.raises(FrameError, match="bad_header"):
            band.seal(seq, BODY)
    for counter in (-1, 1 << 64):
        with pytest.raises(FrameError, match="bad_header"):
            gateway.seal(counter, BODY)
    with pytest.raises(FrameError, match="too_large"):
        band.seal(1, bytes(1024))
    with pytest.raises(FrameError, match="bad_header"):
        BandChannel(KID, 0, K_GEN, 12, SALT)
    with pytest.raises(FrameError, match="bad_header"):
        BandChannel(KID[:7], 1, K_GEN, 12, SALT)


def test_short_report_after_a_long_one_is_sealed_as_if_first() -> None:
    """The band seals in buffers that it keeps: nothing of the longer report may stay behind."""
    reused = BandChannel(KID, 1, K_GEN, 12, SALT)
    for size in (700, 5, 64, 0, 63, 65, 1, 700):
        body = bytes(range(256)) * 3
        fresh = BandChannel(KID, 1, K_GEN, 12, SALT)
        assert reused.seal(size, body[:size]) == fresh.seal(size, body[:size])


# --- nonces ---


def test_nonce_has_the_layout_of_the_specification() -> None:
    assert seal.up_nonce(0x0102, 0x03040506, 0x0708090A).hex() == "010102030405060708090a0000"
    assert seal.down_nonce(0x0102, 0x0304050607080910).hex() == "02010203040506070809100000"


@given(st.tuples(U16, U32, U32), st.tuples(U16, U32, U32))
def test_two_reports_share_a_nonce_only_if_they_are_one(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    assert (seal.up_nonce(*one) == seal.up_nonce(*other)) == (one == other)


@given(st.tuples(U16, U64), st.tuples(U16, U64), U32, U32)
def test_answers_share_no_nonce_with_each_other_or_with_reports(
    one: tuple[int, int], other: tuple[int, int], boot: int, seq: int
) -> None:
    assert (seal.down_nonce(*one) == seal.down_nonce(*other)) == (one == other)
    assert seal.down_nonce(*one) != seal.up_nonce(one[0], boot, seq)


def used_nonces(
    generations: int = 3, boots: int = 12, messages: int = 40
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, nonce) of a band's life: re-keyed, restarted, answered by many processes."""
    edges = (0, 1, 0xFF, 0x100, 0xFFFF, 0x10000, 0xFFFFFFFE, 0xFFFFFFFF)
    for generation in range(1, generations + 1):
        k_gen = bytes((generation,)) * 16
        for boot in (*range(boots), *edges[3:]):
            key = seal.derive_up_key(k_gen, boot.to_bytes(8, "big"))
            for seq in {*range(messages), *edges}:
                yield key, seal.up_nonce(generation, boot, seq)
        for process in range(boots):
            key = seal.derive_down_key(k_gen, process.to_bytes(8, "big"))
            for counter in {*range(messages), *edges, 1 << 32, (1 << 64) - 1}:
                yield key, seal.down_nonce(generation, counter)


def test_no_key_and_nonce_come_twice_in_a_bands_life() -> None:
    used = list(used_nonces())
    assert len(used) > 3_000
    assert len(set(used)) == len(used)


def test_either_belt_alone_keeps_key_and_nonce_apart() -> None:
    """The salt covers a counter that fell back, the counter a salt that came twice."""
    for same_salt, same_numbers in ((False, True), (True, False)):
        salts = (SALT, SALT if same_salt else GATEWAY_SALT)
        boots = (12, 12 if same_numbers else 13)
        used = {
            (seal.derive_up_key(K_GEN, salt), seal.up_nonce(1, boot, 345))
            for salt, boot in zip(salts, boots, strict=True)
        }
        assert len(used) == 2


def test_one_key_never_serves_two_purposes() -> None:
    keys = {
        seal.derive_up_key(K_GEN, SALT),
        seal.derive_down_key(K_GEN, SALT),
        seal.derive_psk(K_GEN),
    }
    keys |= {seal.derive_up_key(K_GEN, b""), seal.derive_down_key(K_GEN, b""), K_GEN}
    assert len(keys) == 6


# --- kept keys ---


def kept(gateway: GatewayChannel) -> list[bytes]:
    """Return the salts whose keys are kept."""
    return [salt for salt, _ in gateway._up._kept]


def test_forged_salts_never_push_out_an_honest_bands_key() -> None:
    gateway = GatewayChannel(KID, 1, K_GEN, GATEWAY_SALT)
    header, ciphertext = frame.parse_up(BandChannel(KID, 1, K_GEN, 12, SALT).seal(1, BODY))
    gateway.open(header, ciphertext)
    assert kept(gateway) == [SALT]
    for number in range(100):
        forged = frame.UpHeader(KID, 1, number.to_bytes(8, "big"), 12, 1)
        with pytest.raises(SealError, match="bad_tag"):
            gateway.open(forged, ciphertext)
    assert kept(gateway) == [SALT]


def test_keys_of_many_boots_are_bounded_and_old_reports_still_open() -> None:
    gateway = GatewayChannel(KID, 1, K_GEN, GATEWAY_SALT)
    sealed = [
        BandChannel(KID, 1, K_GEN, boot, boot.to_bytes(8, "big")).seal(1, BODY)
        for boot in range(50)
    ]
    for data in (*sealed, *sealed):
        assert gateway.open(*frame.parse_up(data)) == BODY
        assert len(kept(gateway)) <= 4


# --- AES-CCM of the band, which has ECB and CBC only, against another library's ---


class Aes:
    """MicroPython's cryptolib.aes in the words of `cryptography`."""

    def __init__(self, key: bytes, mode: int) -> None:
        chosen = modes.CBC(bytes(16)) if mode == 2 else modes.ECB()  # noqa: S305
        self._cipher = Cipher(algorithms.AES(key), chosen).encryptor()

    def encrypt(self, data: Any, out: Any) -> None:
        out[:] = self._cipher.update(bytes(data))


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=13, max_size=13),
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=60), st.binary(max_size=200)),
        min_size=1,
        max_size=4,
    ),
)
def test_small_ccm_equals_the_large_one_message_after_message(
    key: bytes, nonce: bytes, messages: list[tuple[bytes, bytes]]
) -> None:
    small, large = SmallCcm(key, Aes), seal.Ccm(key)
    for aad, plaintext in messages:
        sealed = small.seal(nonce, aad, plaintext)
        assert sealed == large.seal(nonce, aad, plaintext)
        assert small.open(nonce, aad, sealed) == plaintext
        changed = bytes((sealed[0] ^ 1,)) + sealed[1:]
        with pytest.raises(SealError, match="bad_tag"):
            small.open(nonce, aad, changed)
