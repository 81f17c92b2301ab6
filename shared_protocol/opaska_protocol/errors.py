# SPDX-License-Identifier: Apache-2.0
"""Why bytes were refused.

ProtocolError
 +- CborError    not in our deterministic CBOR subset
 +- FrameError   valid CBOR, but not a frame
 +- SealError    a frame that this key does not open
 +- BodyError    an opened body that is not a report, answer or order

Every error carries `reason`, one of REASONS: short, stable, fit for a counter's label.
"""

REASONS = {
    # CborError
    "empty": "no bytes at all",
    "too_large": "more bytes than MAX_FRAME",
    "truncated": "ends inside an item",
    "trailing": "bytes after the item",
    "too_deep": "nested deeper than MAX_DEPTH",
    "not_shortest": "a number or length not in its shortest form",
    "indefinite": "an item of indefinite length",
    "unsupported": "a tag, float, null, undefined or reserved item",
    "key_not_int": "a map key that is not an integer",
    "unsorted_keys": "map keys out of order",
    "duplicate_key": "the same map key twice",
    "bad_utf8": "a text string that is not UTF-8",
    "bad_value": "a value that our subset cannot carry (encoder)",
    # FrameError
    "not_a_frame": "not the array that a frame is",
    "wrong_direction": "an up frame where a down frame belongs, or a frame of another version",
    "bad_header": "a header field of the wrong type, size or range",
    "bad_cose": "not a COSE_Encrypt0 with AES-CCM-16-64-128",
    # SealError
    "bad_tag": "wrong key, or changed on the way",
    "wrong_band": "sealed for another band or key generation",
    # BodyError
    "not_a_map": "the body is no map with a type",
    "wrong_type": "a body of another type than expected here",
    "missing_field": "a field that this type must have is absent",
    "bad_field": "a field of the wrong type or range",
}


class ProtocolError(Exception):
    """Refused bytes; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CborError(ProtocolError):
    pass


class FrameError(ProtocolError):
    pass


class SealError(ProtocolError):
    pass


class BodyError(ProtocolError):
    pass
