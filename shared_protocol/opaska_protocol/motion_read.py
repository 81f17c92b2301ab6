# SPDX-License-Identifier: Apache-2.0
"""Reads what motion.py packs, strictly: one row of numbers has one encoding. No band needs it."""

from .errors import MotionError
from .motion import (
    CALM,
    FORMAT,
    HEAD,
    LONGEST_RUN,
    MAX_STEPS,
    PLAIN_BITS,
    START_BITS,
    STEP_MG,
    parameter,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    Row = tuple[int, int, int]


def decode_part(data: bytes) -> "tuple[int, list[Row]]":
    """(number of the first row, counted from the impact; rows of x, y, z in mg). MotionError."""
    if len(data) < HEAD:
        raise MotionError("truncated")
    first, count = int.from_bytes(data[1:3], "big"), data[3]
    if data[0] != FORMAT or not count:
        raise MotionError("bad_header")
    bits = _Bits(data)
    now = [_signed_start(bits.take(START_BITS)) for _ in range(3)]
    rows, energy = [_row_mg(now)], CALM
    for _ in range(count - 1):
        low = parameter(energy)
        changes = [bits.take_change(low) for _ in range(3)]
        now = [now[axis] + _signed(changes[axis]) for axis in range(3)]
        rows.append(_row_mg(now))
        energy += sum(changes) - (energy >> 1)
    bits.end()
    return first - (first >> 15 << 16), rows


def _row_mg(steps: "list[int]") -> "Row":
    for value in steps:
        if not -MAX_STEPS <= value <= MAX_STEPS:
            raise MotionError("bad_field")
    return steps[0] * STEP_MG, steps[1] * STEP_MG, steps[2] * STEP_MG


def _signed_start(number: int) -> int:
    return number - (number >> (START_BITS - 1) << START_BITS)


def _signed(number: int) -> int:
    """0, 1, 2, 3, ... as 0, -1, 1, -2, ..."""
    return -(number + 1 >> 1) if number & 1 else number >> 1


class _Bits:
    """The bits behind the head of a part."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 8 * HEAD

    def take(self, count: int) -> int:
        number = 0
        for _ in range(count):
            if self._at >= 8 * len(self._data):
                raise MotionError("truncated")
            number = number << 1 | (self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1)
            self._at += 1
        return number

    def take_change(self, low: int) -> int:
        """One Rice code with `low` plain bits."""
        run = 0
        while run < LONGEST_RUN and self.take(1):
            run += 1
        if run < LONGEST_RUN:
            return run << low | self.take(low)
        change = self.take(PLAIN_BITS)
        if change >> low < LONGEST_RUN:
            raise MotionError("not_shortest")
        return change

    def end(self) -> None:
        """Nothing may follow but the zeros that fill the last byte."""
        left = 8 * len(self._data) - self._at
        if left > 7 or self.take(left):
            raise MotionError("trailing")
