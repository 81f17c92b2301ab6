# SPDX-License-Identifier: Apache-2.0
"""The only door to CBOR: cbor2 under our strict profile on CPython, the small codec on a band."""

from . import cbor_small
from .cbor_small import (
    ARRAY,
    BYTES,
    MAP,
    MAX_DEPTH,
    MAX_SIZE,
    encode,
    encode_into,
    head_into,
    is_array,
    is_map,
    scratch,
)
from .errors import CborError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = (
    "ARRAY",
    "BYTES",
    "MAP",
    "MAX_DEPTH",
    "MAX_SIZE",
    "decode",
    "encode",
    "encode_into",
    "head_into",
    "is_array",
    "is_map",
    "scratch",
)

try:
    import cbor2
except ImportError:  # MicroPython
    decode = cbor_small.decode
else:

    class _NoTags:
        """Stands for every semantic decoder: a tag is refused before anything acts on it."""

        def __getitem__(self, tag: int) -> "Any":
            raise CborError("unsupported")

    _NO_TAGS: "Any" = _NoTags()

    def decode(data: "bytes | bytearray | memoryview") -> "Any":
        """The value of `data`; CborError with its reason for anything outside the subset.

        Whatever cbor2 read must encode to the same bytes again. What does not is read once more
        by the small codec, which knows the name of the fault.
        """
        if len(data) <= MAX_SIZE:
            try:
                value = cbor2.loads(
                    data,
                    semantic_decoders=_NO_TAGS,
                    max_depth=MAX_DEPTH,
                    allow_indefinite=False,
                    allow_duplicate_keys=False,
                )
                if encode(value) == data:
                    return value
            except (cbor2.CBORDecodeError, CborError, UnicodeError, TypeError):
                pass  # named by the second reading
        return cbor_small.decode(data)
