# SPDX-License-Identifier: Apache-2.0
"""The motion around an announced fall, put together from its parts. Times are from the impact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opaska_protocol.errors import MotionError
from opaska_protocol.motion import RATE_HZ
from opaska_protocol.motion_read import decode_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = tuple[int, int, int]  # x, y, z in mg

BEFORE: Final = 10 * RATE_HZ  # rows of a whole window
AFTER: Final = 20 * RATE_HZ
FARTHEST: Final = 60 * RATE_HZ  # a row beyond this is not of a fall


@dataclass(frozen=True, slots=True)
class Window:
    """What has come of a window; a row that has not is the one before it again."""

    first: int  # number of the first row; 0 is the impact's
    rows: tuple[Row, ...]
    parts: int  # that can be read
    of_parts: int  # that the band has made
    missing_s: tuple[tuple[float, float], ...]  # from, to

    @property
    def is_whole(self) -> bool:
        return not self.missing_s


def assemble(parts: Mapping[int, bytes], of_parts: int) -> Window | None:
    """From the data of parts by their number; None if there is nothing to be read."""
    rows: dict[int, Row] = {}
    read: set[int] = set()
    for part in sorted(parts):
        try:
            first, found = decode_part(parts[part])
        except MotionError:
            continue
        if abs(first) <= FARTHEST:
            rows.update(enumerate(found, first))
            read.add(part)
    if not rows:
        return None
    # Only the first and the last part know where the window begins and ends.
    begin = min(rows) if 0 in read else min(-BEFORE, *rows)
    end = max(rows) + 1 if of_parts - 1 in read else max(AFTER, max(rows) + 1)
    gaps = _gaps(rows, begin, end)
    missing_s = tuple((gap[0] / RATE_HZ, gap[1] / RATE_HZ) for gap in gaps)
    return Window(min(rows), _filled(rows), len(read), of_parts, missing_s)


def missing_words(window: Window) -> str:
    """Which seconds are missing, for people."""
    return ", ".join(f"{begin:+.1f} to {end:+.1f} s" for begin, end in window.missing_s)


def _gaps(rows: Mapping[int, Row], begin: int, end: int) -> list[tuple[int, int]]:
    """From each missing row to the next that is there."""
    gaps: list[tuple[int, int]] = []
    for number in range(begin, end):
        if number in rows:
            continue
        if gaps and gaps[-1][1] == number:
            gaps[-1] = (gaps[-1][0], number + 1)
        else:
            gaps.append((number, number + 1))
    return gaps


def _filled(rows: Mapping[int, Row]) -> tuple[Row, ...]:
    filled: list[Row] = []
    for number in range(min(rows), max(rows) + 1):
        filled.append(rows[number] if number in rows else filled[-1])
    return tuple(filled)
