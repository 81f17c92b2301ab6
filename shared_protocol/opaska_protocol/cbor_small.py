# SPDX-License-Identifier: Apache-2.0
"""A small strict codec for deterministic CBOR (RFC 8949, 4.2), our subset only.

Integers -2^63..2^64-1, byte and text strings, arrays, maps with integer keys, booleans; no nulls,
floats, tags or indefinite lengths; shortest forms, keys ascending by their encoding, depth <= 4.
"""

import sys

from .errors import CborError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SIZE = 1024  # bytes of one item; a frame fits the broker's 2 KiB packets with room
MAX_DEPTH = 4  # arrays and maps inside each other; a frame with its COSE map needs 3

# major types
_UINT, _NINT, BYTES, _TEXT, ARRAY, MAP, _TAG, _SIMPLE = 0, 1, 2, 3, 4, 5, 6, 7
_FALSE, _TRUE = 0xF4, 0xF5
_MAX_HEAD = 24  # additional information below this is the number itself
_INFO = (0, 24, 25, 0, 26, 0, 0, 0, 27)  # additional information by size of the argument
_U64 = (1 << 64) - 1
_NINT_MIN = -(1 << 63)

_STRINGS, _ARRAYS = (bytes, bytearray), (list, tuple)  # made once: MicroPython builds them anew

# A band encodes in one task and saves the heap; a gateway has threads and must not share a buffer.
_SHARED = bytearray(MAX_SIZE) if sys.implementation.name == "micropython" else None


def scratch() -> bytearray:
    """A buffer of MAX_SIZE to encode into; on a band always the same one."""
    return _SHARED or bytearray(MAX_SIZE)


def is_array(value: "Any") -> bool:
    return isinstance(value, _ARRAYS)


def is_map(value: "Any") -> bool:
    return isinstance(value, dict)


def head_into(buffer: bytearray, at: int, major: int, number: int) -> int:
    """Write the shortest head of `major` with `number` at `at`; return the end."""
    if number < _MAX_HEAD:
        buffer[at] = major << 5 | number
        return at + 1
    size = _argument_size(number)
    buffer[at] = major << 5 | _INFO[size]
    for i in range(size, 0, -1):
        buffer[at + i] = number & 0xFF
        number >>= 8
    return at + 1 + size


def _argument_size(number: int) -> int:
    """Bytes that follow the first byte of a head."""
    if number < _MAX_HEAD:
        return 0
    if number < 0x100:
        return 1
    if number < 0x10000:
        return 2
    return 4 if number < 0x100000000 else 8


def encode_into(buffer: bytearray, at: int, value: "Any", depth: int = 0) -> int:
    """Write `value` at `at` and return the end. CborError("too_large") when it does not fit."""
    try:
        return _write(buffer, at, value, depth)
    except IndexError:
        raise CborError("too_large") from None


def encode(value: "Any") -> bytes:
    """The one deterministic encoding of `value`."""
    buffer = scratch()
    return bytes(memoryview(buffer)[: encode_into(buffer, 0, value)])


def _write(buffer: bytearray, at: int, value: "Any", depth: int) -> int:
    if value is True or value is False:
        buffer[at] = _TRUE if value else _FALSE
        return at + 1
    if isinstance(value, int):
        return _write_int(buffer, at, value)
    if isinstance(value, _STRINGS):
        return _write_string(buffer, at, BYTES, value)
    if isinstance(value, str):
        return _write_string(buffer, at, _TEXT, value.encode())
    if depth >= MAX_DEPTH:
        raise CborError("too_deep")
    if is_array(value):
        at = head_into(buffer, at, ARRAY, len(value))
        for item in value:
            at = _write(buffer, at, item, depth + 1)
        return at
    if is_map(value):
        return _write_map(buffer, at, value, depth)
    raise CborError("bad_value")


def _write_int(buffer: bytearray, at: int, value: int) -> int:
    if 0 <= value <= _U64:
        return head_into(buffer, at, _UINT, value)
    if _NINT_MIN <= value < 0:
        return head_into(buffer, at, _NINT, -1 - value)
    raise CborError("bad_value")


def _write_string(buffer: bytearray, at: int, major: int, data: "bytes | bytearray") -> int:
    at = head_into(buffer, at, major, len(data))
    end = at + len(data)
    if end > len(buffer):
        raise CborError("too_large")
    buffer[at:end] = data
    return end


def _write_map(buffer: bytearray, at: int, value: "dict[int, Any]", depth: int) -> int:
    at = head_into(buffer, at, MAP, len(value))
    for key in sorted(value, key=_key_order):
        at = _write_int(buffer, at, key)
        at = _write(buffer, at, value[key], depth + 1)
    return at


def _key_order(key: "Any") -> int:
    """Bytewise order of encoded integers: 0, 1, 2, ... and then -1, -2, ..."""
    if isinstance(key, bool) or not isinstance(key, int):
        raise CborError("key_not_int")
    return key if key >= 0 else _U64 - key


def decode(data: "bytes | bytearray | memoryview") -> "Any":
    """The value of `data`. Raises CborError with its reason for anything outside the subset."""
    if not data:
        raise CborError("empty")
    if len(data) > MAX_SIZE:
        raise CborError("too_large")
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise CborError("trailing")
    return value


def _read_head(data: "bytes | bytearray | memoryview", at: int) -> "tuple[int, int, int]":
    """(major type, number, offset behind the head)"""
    if at >= len(data):
        raise CborError("truncated")
    first = data[at]
    major, info = first >> 5, first & 0x1F
    if info < _MAX_HEAD or major == _SIMPLE:
        return major, info, at + 1
    if info == 31:
        raise CborError("indefinite")
    if info > 27:
        raise CborError("unsupported")
    size = 1 << (info - 24)
    end = at + 1 + size
    if end > len(data):
        raise CborError("truncated")
    number = int.from_bytes(data[at + 1 : end], "big")
    if _argument_size(number) != size:
        raise CborError("not_shortest")
    return major, number, end


def _read(data: "bytes | bytearray | memoryview", at: int, depth: int) -> "tuple[Any, int]":
    major, number, at = _read_head(data, at)
    if major == _UINT:
        return number, at
    if major == _NINT:
        if number > -1 - _NINT_MIN:
            raise CborError("unsupported")
        return -1 - number, at
    if major == BYTES or major == _TEXT:
        end = at + number
        if end > len(data):
            raise CborError("truncated")
        return (bytes(data[at:end]) if major == BYTES else _text(data[at:end])), end
    if major == ARRAY or major == MAP:
        if depth >= MAX_DEPTH:
            raise CborError("too_deep")
        if number > len(data) - at:  # every item takes a byte: never allocate on a promise
            raise CborError("truncated")
        read = _read_array if major == ARRAY else _read_map
        return read(data, at, number, depth + 1)
    if major == _SIMPLE and (number == 20 or number == 21):
        return number == 21, at
    raise CborError("indefinite" if major == _SIMPLE and number == 31 else "unsupported")


def _text(data: "bytes | bytearray | memoryview") -> str:
    if not _is_utf8(data):
        raise CborError("bad_utf8")
    return str(bytes(data), "utf-8")


def _is_utf8(data: "bytes | bytearray | memoryview") -> bool:
    """RFC 3629, section 4. MicroPython's own check lets overlong forms and surrogates pass."""
    at, size = 0, len(data)
    while at < size:
        first = data[at]
        at += 1
        if first < 0x80:
            continue
        low, high, more = _utf8_rule(first)
        if not more or at + more > size or not low <= data[at] <= high:
            return False
        for i in range(at + 1, at + more):
            if data[i] & 0xC0 != 0x80:
                return False
        at += more
    return True


def _utf8_rule(first: int) -> "tuple[int, int, int]":
    """(lowest and highest second byte, bytes that follow); none: not a lead byte."""
    if 0xC2 <= first <= 0xDF:
        return 0x80, 0xBF, 1
    if 0xE0 <= first <= 0xEF:
        return (0xA0 if first == 0xE0 else 0x80), (0x9F if first == 0xED else 0xBF), 2
    if 0xF0 <= first <= 0xF4:
        return (0x90 if first == 0xF0 else 0x80), (0x8F if first == 0xF4 else 0xBF), 3
    return 0, 0, 0


def _read_array(data: "Any", at: int, count: int, depth: int) -> "tuple[list[Any], int]":
    items: "list[Any]" = []
    for _ in range(count):
        item, at = _read(data, at, depth)
        items.append(item)
    return items, at


def _read_map(data: "Any", at: int, count: int, depth: int) -> "tuple[dict[int, Any], int]":
    items: "dict[int, Any]" = {}
    last = -1
    for _ in range(count):
        major, number, end = _read_head(data, at)
        if major != _UINT and major != _NINT:
            raise CborError("key_not_int")
        if major == _NINT and number > -1 - _NINT_MIN:
            raise CborError("unsupported")
        key = number if major == _UINT else -1 - number
        order = _key_order(key)
        if order <= last:
            raise CborError("duplicate_key" if key in items else "unsorted_keys")
        last = order
        items[key], at = _read(data, end, depth)
    return items, at
