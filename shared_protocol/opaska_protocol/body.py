# SPDX-License-Identifier: Apache-2.0
"""Checks of a body's fields by table: (key, name, check, limit, required). SPEC.md, section 5."""

from . import cbor
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TYPE = 0  # key of the body's type in every body

# checks; what `limit` means for each
UINT = 0  # 0..limit
INT = 1  # -limit..limit
TEXT = 2  # at most `limit` bytes of UTF-8
FLAG = 3  # a boolean
INTS = 4  # an array of exactly `limit` integers
ROWS = 5  # an array of at most `limit` arrays of three unsigned 32-bit numbers
MAP = 6  # a map of at most `limit` entries

_U32 = 0xFFFFFFFF


def fits(value: "Any", check: int, limit: int) -> bool:
    """Whether `value` is what the table asks for."""
    if check == FLAG:
        return isinstance(value, bool)
    if check == UINT or check == INT:
        low = 0 if check == UINT else -limit
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= limit
    if check == TEXT:
        return isinstance(value, str) and len(value.encode()) <= limit
    if check == MAP:
        return isinstance(value, dict) and len(value) <= limit
    if not isinstance(value, (list, tuple)):
        return False
    if check == INTS:
        return len(value) == limit and all([fits(item, INT, 1 << 62) for item in value])
    return len(value) <= limit and all([_is_row(row) for row in value])


def _is_row(row: "Any") -> bool:
    if not isinstance(row, (list, tuple)) or len(row) != 3:
        return False
    return all([fits(item, UINT, _U32) for item in row])


def encode(type_: int, table: "Any", fields: "dict[str, Any]") -> bytes:
    """The body of `type_`; fields by name, None counts as absent. Raises BodyError."""
    body = {TYPE: type_}
    known = 0
    for key, name, check, limit, required in table:
        value = fields.get(name)
        known += name in fields
        if value is None:
            if required:
                raise BodyError("missing_field")
        elif not fits(value, check, limit):
            raise BodyError("bad_field")
        else:
            body[key] = value
    if known != len(fields):
        raise BodyError("bad_field")
    return cbor.encode(body)


def decode(data: bytes) -> "tuple[int, dict[int, Any]]":
    """(type, the other keys) of a body; CborError or BodyError("not_a_map")."""
    body = cbor.decode(data)
    if not isinstance(body, dict) or not fits(body.get(TYPE), UINT, _U32):
        raise BodyError("not_a_map")
    return body.pop(TYPE), body


def named(body: "dict[int, Any]", table: "Any") -> "tuple[dict[str, Any], list[str]]":
    """(fields by name, names of missing or bad ones); what was read is taken out of `body`."""
    fields = {}
    problems = []
    for key, name, check, limit, required in table:
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
