# SPDX-License-Identifier: Apache-2.0
"""decisions/zone.py: left and returned are told once each, and never by one wrong fix."""

from __future__ import annotations

import itertools
import math

import pytest

from opaska_band.decisions import zone
from opaska_band.decisions.zone import IN, INSIDE, LEAVING, LEFT, OUT, OUTSIDE, RETURNED, UNKNOWN

HOME = [1, 522_242_667, 210_123_000, 300]
CLUB = [2, 522_342_667, 210_123_000, 100]
M_PER_DEGREE = 111_319.49


def at(north_m: float, east_m: float = 0, accuracy_m: int = 5) -> list[int]:
    """A position so far from HOME's middle."""
    east_per_degree = M_PER_DEGREE * math.cos(math.radians(HOME[1] / 1e7))
    return [
        HOME[1] + round(north_m / M_PER_DEGREE * 1e7),
        HOME[2] + round(east_m / east_per_degree * 1e7),
        accuracy_m,
    ]


@pytest.mark.parametrize(
    ("position", "said"),
    [
        (at(0), IN),
        (at(290), IN),
        (at(0, -290), IN),
        (at(298), None),
        (at(340), None),
        (at(360), OUT),
        (at(0, 360), OUT),
        (at(-260, -260), OUT),
        (at(0, 0, 400), None),
        (at(600, 0, 400), None),
        (at(2_000, 0, 400), OUT),
    ],
)
def test_a_fix_says_no_more_than_its_accuracy_allows(
    position: list[int], said: str | None
) -> None:
    assert zone.look([HOME], position) == (said, 1)


def test_all_zones_together_are_the_safe_place() -> None:
    assert zone.look([HOME, CLUB], at(1_113)) == (IN, 2)
    assert zone.look([HOME, CLUB], at(650)) == (OUT, 1)


def test_a_zone_over_the_date_line_is_one_zone() -> None:
    taveuni = [1, -168_000_000, 1_799_999_000, 500]
    assert zone.look([taveuni], [-168_000_000, -1_799_999_000, 5])[0] == IN


def test_every_way_is_defined_and_every_word_is_told_at_its_edge_alone() -> None:
    states = (UNKNOWN, INSIDE, LEAVING, OUTSIDE)
    assert set(zone.TRANSITIONS) == set(itertools.product(states, (IN, OUT)))
    told = {edge: news for edge, (_, news) in zone.TRANSITIONS.items() if news}
    assert told == {(LEAVING, OUT): LEFT, (OUTSIDE, IN): RETURNED}
    assert [zone.step(state, None) for state in states] == [(state, None) for state in states]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([IN, OUT, OUT, OUT, IN, IN], [LEFT, RETURNED]),
        ([IN, OUT, IN, OUT, IN], []),
        ([IN, OUT, None, OUT], [LEFT]),
        ([OUT, OUT, OUT, IN], []),
    ],
    ids=["there and back", "one wrong fix", "a vague fix between", "never seen inside"],
)
def test_stories_of_walks(said: list[str | None], told: list[str]) -> None:
    state, heard = UNKNOWN, []
    for one in said:
        state, news = zone.step(state, one)
        heard.append(news)
    assert [news for news in heard if news] == told
