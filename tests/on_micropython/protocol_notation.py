# SPDX-License-Identifier: Apache-2.0
"""Writes a value in CBOR diagnostic notation (RFC 8949, 8), alike on CPython and MicroPython."""

from binascii import hexlify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def notation(value: "Any") -> str:
    """Map keys in the order of their encoding, since MicroPython's dicts have none."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "h'" + hexlify(value).decode() + "'"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join([notation(item) for item in value]) + "]"
    keys = sorted(value, key=lambda key: (key < 0, abs(key)))
    return "{" + ", ".join([str(key) + ": " + notation(value[key]) for key in keys]) + "}"
