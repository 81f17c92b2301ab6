# SPDX-License-Identifier: Apache-2.0
"""Motion in parts: nothing is lost but what the steps round away, and a lost part costs itself."""

import random
from collections.abc import Callable

import pytest

from opaska_protocol import motion
from opaska_protocol.motion_read import decode_part
from opaska_protocol.reports import MAX_MOTION

Row = tuple[int, int, int]

BEFORE, ROWS = 260, 780  # 10 s and 30 s
MOST_PARTS = 100  # of the wildest motion: far below the 255 that a report can number


def parts(rows: list[Row]) -> list[bytes]:
    """Pack all rows."""
    packed: list[bytes] = []
    at = 0
    while at < len(rows):
        data, at = motion.encode_part(rows.__getitem__, at, len(rows), BEFORE)
        packed.append(data)
    return packed


def noise(size_mg: int) -> list[Row]:
    """Return rows of which each has nothing to do with the one before."""
    dice = random.Random(size_mg)
    number: Callable[[], int] = lambda: dice.randint(-size_mg, size_mg)  # noqa: E731
    return [(number(), number(), 1000 + number()) for _ in range(ROWS)]


@pytest.mark.parametrize("size_mg", [0, 3, 30, 300, 3_000, 31_000])
def test_every_row_comes_back_within_half_a_step(size_mg: int) -> None:
    rows = noise(size_mg)
    first, back = -BEFORE, list[Row]()
    for part in parts(rows):
        assert len(part) <= MAX_MOTION
        begins, read = decode_part(part)
        assert begins == first
        first += len(read)
        back += read
    assert len(back) == ROWS
    pairs = zip(rows, back, strict=True)
    off = [abs(a - b) for row, other in pairs for a, b in zip(row, other, strict=True)]
    assert max(off) <= motion.STEP_MG // 2


@pytest.mark.parametrize(
    ("size_mg", "most"), [(0, 8), (3, 9), (30, 22), (300, 44), (31_000, MOST_PARTS)]
)
def test_the_more_motion_the_more_parts_and_never_too_many(size_mg: int, most: int) -> None:
    assert len(parts(noise(size_mg))) <= most


def test_acceleration_beyond_what_a_value_holds_is_cut_off() -> None:
    rows = [(40_000, -40_000, 0), (-40_000, 40_000, 0)]
    _, read = decode_part(parts(rows)[0])
    most = motion.MAX_STEPS * motion.STEP_MG
    assert read == [(most, -most, 0), (-most, most, 0)]
