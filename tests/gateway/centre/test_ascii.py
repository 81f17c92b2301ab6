# SPDX-License-Identifier: Apache-2.0
"""Folding: every text becomes printable ASCII that a frame can hold and a dispatcher can read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opaska_gateway.centre.ascii import fold

READ_AS = [
    ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
    ("ZAŻÓŁĆ GĘŚLĄ JAŹŃ", "ZAZOLC GESLA JAZN"),
    ("Łódź, ul. Świętej Jadwigi 7/12", "Lodz, ul. Swietej Jadwigi 7/12"),
    ("Олександра Їжак", "Oleksandra Izhak"),
    ("Straße „Ærø” – 21°", "Strasse 'AEro' - 21deg"),
    ("a\r\nb\tc   d", "a b c d"),
    ('[x] | "y"', "(x) / 'y'"),
    ("［ｗｉｄｅ］", "(wide)"),
    ("☎ 112", "? 112"),
    ("  ", ""),
]


@pytest.mark.parametrize(("text", "folded"), READ_AS, ids=[text for text, _ in READ_AS])
def test_text_reads_the_same_in_ascii(text: str, folded: str) -> None:
    assert fold(text, 64) == folded
    assert fold(unicodedata.normalize("NFD", text), 64) == folded


@given(st.text(), st.integers(1, 80))
def test_any_text_fits_a_field(text: str, limit: int) -> None:
    folded = fold(text, limit)
    assert len(folded) <= limit
    assert all(" " <= letter <= "~" and letter not in '[]|"' for letter in folded)
    assert fold(folded, limit) == folded
