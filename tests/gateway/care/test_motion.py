# SPDX-License-Identifier: Apache-2.0
"""A window says which of its seconds are missing, whichever parts are lost or spoiled."""

import math

import pytest

from opaska_gateway.care.motion import AFTER, BEFORE, assemble, missing_words
from opaska_protocol.motion import RATE_HZ, encode_part
from opaska_protocol.motion_read import decode_part

ROWS = [
    (round(400 * math.sin(i / 3)) // 16 * 16, round(300 * math.cos(i / 5)) // 16 * 16, 1008)
    for i in range(BEFORE + AFTER)
]


def packed() -> dict[int, bytes]:
    """Pack the whole window."""
    parts: dict[int, bytes] = {}
    at = 0
    while at < len(ROWS):
        data, at = encode_part(ROWS.__getitem__, at, len(ROWS), BEFORE)
        parts[len(parts)] = data
    return parts


def span_s(data: bytes) -> tuple[float, float]:
    first, rows = decode_part(data)
    return first / RATE_HZ, (first + len(rows)) / RATE_HZ


def test_all_parts_make_the_window_in_any_order() -> None:
    parts = packed()
    window = assemble(dict(reversed(parts.items())), len(parts))
    assert window is not None
    assert window.is_whole
    assert (window.first, list(window.rows)) == (-BEFORE, ROWS)
    assert (window.parts, window.of_parts) == (len(parts), len(parts))


@pytest.mark.parametrize("lost", range(len(packed())))
def test_a_lost_part_costs_its_own_seconds_and_no_more(lost: int) -> None:
    parts = packed()
    data = parts.pop(lost)
    window = assemble(parts, len(parts) + 1)
    assert window is not None
    assert window.missing_s == (span_s(data),)
    begin_s, _ = span_s(data)
    assert f"{begin_s:+.1f} to " in missing_words(window)
    assert window.parts == len(parts)


def test_missing_rows_are_held_so_that_time_stays_even() -> None:
    parts = packed()
    first, lost = decode_part(parts.pop(3))
    window = assemble(parts, len(parts) + 1)
    assert window is not None
    assert len(window.rows) == len(ROWS)
    at = first + BEFORE
    assert set(window.rows[at : at + len(lost)]) == {ROWS[at - 1]}


def test_parts_that_cannot_be_read_are_missing() -> None:
    parts = packed()
    far = parts[2][:1] + b"\x7f\xff" + parts[2][3:]
    spoiled = parts | {0: b"", 1: b"\xff" + parts[1][1:], 2: far}
    window = assemble(spoiled, len(parts))
    assert window is not None
    assert window.missing_s == ((-BEFORE / RATE_HZ, span_s(parts[3])[0]),)
    assert window.parts == len(parts) - 3


def test_nothing_readable_is_no_window() -> None:
    assert assemble({}, 12) is None
    assert assemble({0: b"", 5: b"spoiled"}, 12) is None


def test_a_window_that_the_band_cut_short_lacks_nothing() -> None:
    data, _ = encode_part(ROWS.__getitem__, 200, 215, BEFORE)
    window = assemble({0: data}, 1)
    assert window is not None
    assert window.is_whole
    assert window.first == 200 - BEFORE
