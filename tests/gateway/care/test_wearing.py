# SPDX-License-Identifier: Apache-2.0
"""A report belongs to who wore the band when it happened: half-open intervals."""

from __future__ import annotations

import pytest

from opaska_gateway.care.wearing import CONSOLE, Assignment, worn_at


def _worn(name: bytes, from_ms: int, to_ms: int | None) -> Assignment:
    return Assignment(name, b"o", b"p" + name, CONSOLE, from_ms, to_ms)


FIRST, SECOND = _worn(b"1", 100, 200), _worn(b"2", 200, None)


@pytest.mark.parametrize(
    ("at_ms", "wearer"),
    [(99, None), (100, FIRST), (199, FIRST), (200, SECOND), (10**15, SECOND)],
)
def test_the_moment_of_a_hand_over_belongs_to_the_next_wearer(
    at_ms: int, wearer: Assignment | None
) -> None:
    assert worn_at([SECOND, FIRST], at_ms) is wearer


def test_nobody_wears_a_band_between_two_assignments() -> None:
    assert worn_at([_worn(b"3", 300, None), FIRST], 250) is None
