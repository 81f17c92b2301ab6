# SPDX-License-Identifier: Apache-2.0
"""Acceleration around a fall, packed into parts of MAX_MOTION bytes. SPEC.md, 5.2.

A part stands by itself: where it begins, one whole row, then what changes from row to row, as Rice
codes whose parameter follows the last rows. Reading it again is motion_read.py, which no band has.
"""

from .reports import MAX_MOTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

FORMAT = 1  # the first byte: rows of x, y, z at 26 Hz, in steps of 16 mg
RATE_HZ, STEP_MG = 26, 16
MAX_STEPS = 2_047  # of a value, 32.7 g
MOST_ROWS = 255  # of a part: one byte counts them

HEAD = 4  # bytes: format, number of the first row (2), rows
START_BITS = 12  # of a whole value
LONGEST_RUN = 16  # ones; so many announce a plain number instead
PLAIN_BITS = 13  # of a difference of any size
CALM = 24  # the beginning of `energy`


def parameter(energy: int) -> int:
    """Of the Rice code of the next row: about the size of a difference, in bits."""
    bits = 0
    while 6 << bits < energy:
        bits += 1
    return bits


def encode_part(
    row: "Callable[[int], tuple[int, int, int]]", at: int, end: int, impact: int
) -> "tuple[bytes, int]":
    """As many rows from `at` as fit, before `end`: the part, and the number of the next row.

    `row` gives x, y, z in mg of a row; `impact` is the number of the row from which time counts.
    """
    bits = _Bits()
    before = _steps(row(at))
    for value in before:
        bits.put(value & 0xFFF, START_BITS)
    first, energy = at, CALM
    at += 1
    while at < end and at - first < MOST_ROWS:
        now = _steps(row(at))
        changes = [_unsigned(now[axis] - before[axis]) for axis in range(3)]
        if not bits.put_changes(changes, parameter(energy)):
            break
        energy += sum(changes) - (energy >> 1)
        before = now
        at += 1
    head = bytes([FORMAT]) + ((first - impact) & 0xFFFF).to_bytes(2, "big") + bytes([at - first])
    return head + bits.whole(), at


def _steps(row_mg: "tuple[int, int, int]") -> "list[int]":
    """The nearest steps."""
    half = STEP_MG // 2
    return [max(-MAX_STEPS, min((mg + half) // STEP_MG, MAX_STEPS)) for mg in row_mg]


def _unsigned(change: int) -> int:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ..."""
    return 2 * change if change >= 0 else -2 * change - 1


class _Bits:
    """Bits behind the head of a part, the first one highest."""

    def __init__(self) -> None:
        self._data = bytearray(MAX_MOTION - HEAD)
        self._at = 0

    def put(self, number: int, count: int) -> None:
        for bit in range(count - 1, -1, -1):
            if number >> bit & 1:
                self._data[self._at >> 3] |= 0x80 >> (self._at & 7)
            self._at += 1

    def put_changes(self, changes: "list[int]", low: int) -> bool:
        """Rice codes with `low` plain bits; False, and nothing put, when they do not fit."""
        need = 0
        for change in changes:
            run = change >> low
            need += run + 1 + low if run < LONGEST_RUN else LONGEST_RUN + PLAIN_BITS
        if self._at + need > 8 * len(self._data):
            return False
        for change in changes:
            run = change >> low
            if run < LONGEST_RUN:
                self.put((2 << run) - 2, run + 1)
                self.put(change, low)
            else:
                self.put((1 << LONGEST_RUN) - 1, LONGEST_RUN)
                self.put(change, PLAIN_BITS)
        return True

    def whole(self) -> bytes:
        return bytes(self._data[: (self._at + 7) >> 3])
