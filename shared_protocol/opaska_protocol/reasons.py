# SPDX-License-Identifier: Apache-2.0
"""What the reasons of errors.py mean, for people. A band never loads this file: it costs 5 KB."""

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
