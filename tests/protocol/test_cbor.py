# SPDX-License-Identifier: Apache-2.0
"""Our two decoders and cbor2 on random values and random bytes: one value or one named reason."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opaska_protocol import cbor, cbor_small
from opaska_protocol.errors import CborError
from opaska_protocol.reasons import REASONS
from tests.on_micropython.protocol_notation import notation
from tests.protocol import wire

DECODERS = {"cbor": cbor.decode, "cbor_small": cbor_small.decode}

INTEGERS = st.integers(-(1 << 63), (1 << 64) - 1) | st.integers(-300, 300)
SCALARS = INTEGERS | st.booleans() | st.binary(max_size=70) | st.text(max_size=30)


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=5)
    return inner | lists | st.dictionaries(INTEGERS, inner, max_size=5)


VALUES = _deeper(_deeper(_deeper(_deeper(SCALARS))))
# what cbor2 writes and our subset does not carry
FOREIGN = st.one_of(
    st.floats(),
    st.none(),
    st.just(cbor2.undefined),
    st.integers(1 << 64, 1 << 80),
    st.integers(-(1 << 80), -(1 << 63) - 1),
    st.just(Decimal("1.5")),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.builds(
        cbor2.CBORTag, st.integers(0, 70_000).filter(lambda tag: tag not in (28, 29)), INTEGERS
    ),
    st.dictionaries(st.text(max_size=3) | st.binary(max_size=3), INTEGERS, min_size=1, max_size=2),
    st.dictionaries(st.booleans() | st.floats(allow_nan=False), INTEGERS, min_size=1, max_size=1),
)
PLACES: tuple[Callable[[Any], Any], ...] = (
    lambda value: value,
    lambda value: [value],
    lambda value: {1: value},
    lambda value: [0, [value]],
)


def deterministic(value: Any) -> bytes:
    """Return cbor2's bytes of `value`, keys in bytewise order (its own order is RFC 7049's)."""
    return cbor2.dumps(_ordered(value))


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


def outcome(decode: Callable[[bytes], Any], data: bytes) -> str:
    """Return the value in words or the reason; any other error gets out."""
    try:
        return notation(decode(data))
    except CborError as error:
        return error.reason


@given(VALUES)
def test_value_is_encoded_as_cbor2_does_and_read_back(value: Any) -> None:
    expected = deterministic(value)
    if len(expected) > cbor.MAX_SIZE:
        with pytest.raises(CborError, match="too_large"):
            cbor.encode(value)
        assert outcome(cbor.decode, expected) == "too_large"
    else:
        assert cbor.encode(value) == expected
        for decode in DECODERS.values():
            assert decode(expected) == value
            assert notation(decode(expected)) == notation(value)  # True is not 1 here


@given(VALUES, st.integers(0, 9))
def test_value_is_written_into_a_buffer_where_it_is_told(value: Any, at: int) -> None:
    buffer = bytearray(b"\xaa" * cbor.MAX_SIZE)
    expected = deterministic(value)
    if at + len(expected) <= len(buffer):
        assert cbor.encode_into(buffer, at, value) == at + len(expected)
        assert buffer == b"\xaa" * at + expected + b"\xaa" * (len(buffer) - at - len(expected))
    else:
        with pytest.raises(CborError, match="too_large"):
            cbor.encode_into(buffer, at, value)


@given(st.binary(max_size=80))
def test_random_bytes_have_one_meaning(data: bytes) -> None:
    words = outcome(cbor.decode, data)
    assert outcome(cbor_small.decode, data) == words
    if words not in REASONS:
        assert deterministic(cbor2.loads(data)) == data == cbor.encode(cbor.decode(data))


@given(VALUES, st.data())
def test_changed_bytes_have_one_meaning(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(deterministic(value))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(encoded)
    words = outcome(cbor.decode, changed)
    assert outcome(cbor_small.decode, changed) == words
    if words not in REASONS:
        assert cbor.encode(cbor.decode(changed)) == changed


@given(VALUES)
def test_other_encodings_of_a_value_are_refused(value: Any) -> None:
    """Indefinite lengths and lengths in needless bytes, as cbor2 writes and reads them."""
    canonical = deterministic(value)
    others = [cbor2.dumps(value, indefinite_containers=True), canonical + b"\x00"]
    if canonical[0] & 0x1F < 24 and canonical[0] >> 5 != 7:
        others.append(bytes((canonical[0] & 0xE0 | 24, canonical[0] & 0x1F)) + canonical[1:])
    for other in others:
        if other != canonical:
            words = outcome(cbor.decode, other)
            assert words in REASONS
            assert outcome(cbor_small.decode, other) == words


@given(FOREIGN, st.sampled_from(PLACES))
def test_what_our_subset_does_not_carry_is_refused(value: Any, wrap: Callable[[Any], Any]) -> None:
    data = cbor2.dumps(wrap(value))
    words = outcome(cbor.decode, data)
    assert words in REASONS
    assert outcome(cbor_small.decode, data) == words
    with pytest.raises(CborError, match=r"bad_value|key_not_int"):
        cbor.encode(wrap(value))


@given(VALUES, st.lists(st.booleans(), min_size=4, max_size=8))
def test_whatever_lies_too_deep_is_refused(inner: Any, maps: list[bool]) -> None:
    value = inner if isinstance(inner, list | dict) else [inner]
    for in_map in maps:
        value = {1: value} if in_map else [value]
    data = cbor2.dumps(_ordered(value))
    assume(len(data) <= cbor.MAX_SIZE)
    assert outcome(cbor.decode, data) == "too_deep" == outcome(cbor_small.decode, data)
    with pytest.raises(CborError, match="too_deep"):
        cbor.encode(value)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_decoders_take_every_kind_of_buffer(kind: Callable[[bytes], Any]) -> None:
    for _, _, vector in wire.vectors("cbor"):
        data = bytes.fromhex(vector["hex"])
        for decode in DECODERS.values():
            assert outcome(decode, kind(data)) == outcome(decode, data)


@pytest.mark.parametrize("head", ["5b", "7b", "9b", "bb", "db"])
@pytest.mark.parametrize("promise", ["0000000100000000", "00ffffffffffffff", "ffffffffffffffff"])
@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
def test_promise_of_much_data_costs_no_memory(
    decode: Callable[[bytes], Any], head: str, promise: str
) -> None:
    data = b"\x81\x81" + bytes.fromhex(head + promise) + bytes(64)
    outcome(decode, data)
    tracemalloc.start()
    assert outcome(decode, data) in ("truncated", "unsupported")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 128 << 10  # cbor2 reads strings in pieces of 64 KiB


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
def test_largest_item_of_many_small_ones_costs_bounded_memory(
    decode: Callable[[bytes], Any],
) -> None:
    data = bytes.fromhex("9903fd") + bytes.fromhex("80") * 1021  # 1,021 empty arrays
    tracemalloc.start()
    assert len(decode(data)) == 1021
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000
