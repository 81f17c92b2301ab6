# SPDX-License-Identifier: Apache-2.0
"""The only door to CBOR: cbor2 under our strict profile on CPython, the small codec on a band."""

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

TYPE_CHECKING = False

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

if TYPE_CHECKING:
    from .cbor_strict import decode
else:
    try:
        from .cbor_strict import decode
    except ImportError:  # MicroPython
        from .cbor_small import decode
