# SPDX-License-Identifier: Apache-2.0
"""Flips every single bit of a sealed frame; each one must be refused. CPython and MicroPython.

As a script: protocol_flips.py <up | down> <hex>. Prints as JSON how often each reason was given.
"""

import json
import sys
from binascii import unhexlify

from opaska_protocol.errors import ProtocolError
from tests.on_micropython.protocol_fuzz import DECODERS


def flips(way: str, frame: bytes) -> "dict[str, int]":
    """How often each reason was given; "accepted" counts the flips that nobody noticed."""
    seen: "dict[str, int]" = {}
    for bit in range(8 * len(frame)):
        changed = bytearray(frame)
        changed[bit // 8] ^= 1 << (bit % 8)
        try:
            DECODERS[way](bytes(changed))
            reason = "accepted"
        except ProtocolError as error:
            reason = error.reason
        seen[reason] = seen.get(reason, 0) + 1
    return seen


if __name__ == "__main__":
    print(json.dumps(flips(sys.argv[1], unhexlify(sys.argv[2]))))
