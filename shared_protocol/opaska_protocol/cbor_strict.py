# SPDX-License-Identifier: Apache-2.0
"""cbor2 under our strict profile; CPython only, a band does not carry this file."""

from collections.abc import Mapping

import cbor2

from . import cbor_small
from .cbor_small import MAX_DEPTH, MAX_SIZE
from .errors import CborError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _NoTags(Mapping):  # type: ignore[type-arg]
    """Stands for every semantic decoder: a tag is refused before anything acts on it."""

    def __getitem__(self, tag: "Any") -> "Any":
        raise CborError("unsupported")

    def __iter__(self) -> "Any":
        return iter(())

    def __len__(self) -> int:
        return 0


_NO_TAGS: "Any" = _NoTags()


def decode(data: "bytes | bytearray | memoryview") -> "Any":
    """The value of `data`; CborError with its reason for anything outside the subset.

    What cbor2 read must be as long as its shortest form and have its keys in order. What is
    not is read once more by the small codec, which knows the name of the fault.
    """
    if len(data) <= MAX_SIZE:
        try:
            value = cbor2.loads(
                data,
                semantic_decoders=_NO_TAGS,
                max_depth=MAX_DEPTH - 1,  # it lets one empty array or map lie deeper
                allow_indefinite=False,
                allow_duplicate_keys=False,
            )
            if _shortest_size(value) == len(data):
                return value
        except (cbor2.CBORDecodeError, CborError):
            pass  # named by the second reading
    return cbor_small.decode(data)


def _shortest_size(value: "Any") -> int:
    """Bytes of the deterministic encoding; CborError where only a closer look can tell."""
    kind: "Any" = value.__class__
    if kind is int:
        return _int_size(value)
    if kind is list:
        return _head_size(len(value)) + sum(map(_shortest_size, value))
    if kind is dict:
        return _map_size(value)
    if kind is bytes or kind is str:
        size = len(value) if kind is bytes else len(value.encode())
        return _head_size(size) + size
    if kind is bool:
        return 1
    raise CborError("unsupported")


def _map_size(items: "dict[Any, Any]") -> int:
    size = _head_size(len(items))
    last = -1
    for key, value in items.items():
        if type(key) is not int or not last < key < 24:  # our own keys are all 0..23
            raise CborError("unsorted_keys")
        last = key
        size += 1 + (_int_size(value) if type(value) is int else _shortest_size(value))
    return size


def _int_size(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 64:
        raise CborError("unsupported")
    return _head_size(value if value >= 0 else -1 - value)


def _head_size(number: int) -> int:
    if number < 24:
        return 1
    if number < 0x10000:
        return 2 if number < 0x100 else 3
    return 5 if number < 0x100000000 else 9
