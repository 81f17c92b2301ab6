# SPDX-License-Identifier: Apache-2.0
"""The frames between a processor and the PN532, by chapter 6.2 of its user manual (NXP UM0701-02).
A frame that is wrong in any place is none."""

from __future__ import annotations

from typing import Final

ACK: Final = bytes.fromhex("0000ff00ff00")
NACK: Final = bytes.fromhex("0000ffff0000")
ERROR: Final = bytes.fromhex("0000ff01ff7f8100")  # a command that the chip does not take
TO_CHIP, FROM_CHIP = 0xD4, 0xD5

_BEGIN = bytes.fromhex("0000ff")
_LONGEST = 255  # bytes with TFI; more take the extended form
_EXTENDED = bytes((0xFF, 0xFF))


def packed(payload: bytes) -> bytes:
    """A frame of the chip's."""
    body = bytes((FROM_CHIP,)) + payload
    size = len(body)
    if size > _LONGEST:
        two = size.to_bytes(2, "big")
        head = _EXTENDED + two + bytes((-sum(two) & 0xFF,))
    else:
        head = bytes((size, -size & 0xFF))
    return _BEGIN + head + body + bytes((-sum(body) & 0xFF, 0))


def unpacked(frame: bytes) -> bytes | None:
    """What a frame of the processor's carries; None: it is none."""
    if len(frame) < 8 or frame[:3] != _BEGIN:
        return None
    if frame[3:5] == _EXTENDED:
        size, at = int.from_bytes(frame[5:7], "big"), 8
        good = not sum(frame[5:8]) & 0xFF
    else:
        size, at = frame[3], 5
        good = not sum(frame[3:5]) & 0xFF
    body = frame[at : at + size]
    if not good or len(frame) < at + size + 1 or len(body) < 2 or body[0] != TO_CHIP:
        return None
    return None if (sum(body) + frame[at + size]) & 0xFF else body[1:]
