# SPDX-License-Identifier: Apache-2.0
"""Checks of a body's fields by table. SPEC.md, section 5.

A table is flat: one number and the name of the first field, then of the next one. The number is
key | check | REQUIRED | limit << LIMIT. With a tuple for each field, or an item for each of these,
it would take three times as much of a band's heap.
"""

from . import cbor
from .cbor import is_array, is_map
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TYPE = 0  # key of the body's type in every body

# checks; what `limit` means for each
UINT = 0 << 5  # 0..limit
INT = 1 << 5  # -limit..limit
TEXT = 2 << 5  # at most `limit` bytes of UTF-8
FLAG = 3 << 5  # a boolean
INTS = 4 << 5  # an array of exactly `limit` integers
ROWS = 5 << 5  # an array of at most `limit` arrays of three unsigned 32-bit numbers
MAP = 6 << 5  # a map of at most `limit` entries
BYTES = 7 << 5  # at most `limit` bytes
UINTS = 8 << 5  # an array of at most `limit` unsigned 32-bit numbers

REQUIRED = 1 << 9
LIMIT = 10  # bits below a limit, which is at most 32,763 or one of these
U16, U32, U40, U62 = 32_764 << 10, 32_765 << 10, 32_766 << 10, 32_767 << 10
_FIRST_WIDE = 32_764
_WIDE = (0xFFFF, 0xFFFFFFFF, (1 << 40) - 1, (1 << 62) - 1)

_KEY = 31  # bits of a key
_CHECK = 15 << 5
_WIDTH = 2  # items of a field in a table
_U32 = 0xFFFFFFFF
_U62 = (1 << 62) - 1  # the largest number that MicroPython keeps off the heap on 64 bits


def fits(value: "Any", check: int, limit: int) -> bool:
    """Whether `value` is what the table asks for."""
    if check == FLAG:
        return value is True or value is False
    if check == UINT or check == INT:
        return _is_int(value, 0 if check == UINT else -limit, limit)
    if check == TEXT:
        return isinstance(value, str) and len(value.encode()) <= limit
    if check == BYTES:
        return isinstance(value, bytes) and len(value) <= limit
    if check == MAP:
        return is_map(value) and len(value) <= limit
    if check == INTS:
        return _is_row(value, limit, -_U62, _U62)
    return is_array(value) and len(value) <= limit and _is_list(value, check)


def _is_list(value: "Any", check: int) -> bool:
    if check == UINTS:
        return _is_row(value, len(value), 0, _U32)
    for row in value:
        if not _is_row(row, 3, 0, _U32):
            return False
    return True


def _is_int(value: "Any", low: int, high: int) -> bool:
    if value is True or value is False or not isinstance(value, int):
        return False
    return low <= value <= high


def _is_row(row: "Any", count: int, low: int, high: int) -> bool:
    if not is_array(row) or len(row) != count:
        return False
    for item in row:
        if not _is_int(item, low, high):
            return False
    return True


def rows(table: "Any") -> "list[tuple[int, str, int, int, bool]]":
    """(key, name, check, limit, required) of each field."""
    return [_row(table, row) for row in range(0, len(table), _WIDTH)]


def _row(table: "Any", row: int) -> "tuple[int, str, int, int, bool]":
    field = table[row]
    return (
        field & _KEY,
        table[row + 1],
        field & _CHECK,
        _limit(field),
        field & REQUIRED != 0,
    )


def _limit(field: int) -> int:
    limit = field >> LIMIT
    return limit if limit < _FIRST_WIDE else _WIDE[limit - _FIRST_WIDE]


def encode(type_: int, table: "Any", fields: "dict[str, Any]") -> bytes:
    """The body of `type_`; fields by name, None counts as absent. Raises BodyError.

    Written straight from the table, whose keys ascend: no map is built on a band's heap.
    """
    buffer = cbor.scratch()
    at = cbor.head_into(buffer, 0, cbor.MAP, 1 + _count(table, fields))
    at = cbor.encode_into(buffer, at, TYPE)
    at = cbor.encode_into(buffer, at, type_)
    for row in range(0, len(table), _WIDTH):
        value = fields.get(table[row + 1])
        if value is not None:
            at = cbor.encode_into(buffer, at, table[row] & _KEY)
            at = cbor.encode_into(buffer, at, value, 1)
    return bytes(memoryview(buffer)[:at])


def _count(table: "Any", fields: "dict[str, Any]") -> int:
    """Number of fields present, all of them checked."""
    present = absent = 0
    for row in range(0, len(table), _WIDTH):
        value = fields.get(table[row + 1])
        if value is not None:
            if not fits(value, table[row] & _CHECK, _limit(table[row])):
                raise BodyError("bad_field")
            present += 1
        elif table[row] & REQUIRED:
            raise BodyError("missing_field")
        elif table[row + 1] in fields:
            absent += 1
    if present + absent != len(fields):
        raise BodyError("bad_field")
    return present


def decode(data: bytes) -> "tuple[int, dict[int, Any]]":
    """(type, the other keys) of a body; CborError or BodyError("not_a_map")."""
    body = cbor.decode(data)
    if not is_map(body) or not fits(body.get(TYPE), UINT, _U32):
        raise BodyError("not_a_map")
    return body.pop(TYPE), body


def named(body: "dict[int, Any]", table: "Any") -> "tuple[dict[str, Any], list[str]]":
    """(fields by name, names of missing or bad ones); what was read is taken out of `body`."""
    fields: "dict[str, Any]" = {}
    problems: "list[str]" = []
    for key, name, check, limit, required in rows(table):
        if key not in body:
            if required:
                problems.append(name)
            continue
        value = body.pop(key)
        if fits(value, check, limit):
            fields[name] = value
        else:
            problems.append(name)
    return fields, problems
