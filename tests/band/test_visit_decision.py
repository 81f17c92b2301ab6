# SPDX-License-Identifier: Apache-2.0
"""Carers' visits on the band: how a touch goes, and whether it begins a visit or ends one."""

from __future__ import annotations

from typing import Any

import pytest

from opaska_band.decisions import visit
from opaska_band.decisions.visit import (
    AWAY,
    CARD,
    COUNT,
    HELD,
    KEEP,
    KEEP_AND_READ,
    LATE,
    LIMIT_MIN,
    MISSED,
    MOST_OPEN,
    NOTHING,
    OTHER,
    OVER,
    READ,
    REFUSE,
    SEEKING,
    TORN,
    TRANSITIONS,
    WAIT,
    begun,
    is_kept,
    noted,
)

ANNA, OLGA = bytes.fromhex("04de5f1eacc040"), bytes.fromhex("04de5f1eacc041")
BOOT, MINUTE, WALL = 12, 600, 29_800_000

STORIES = [
    ("held on", [CARD, CARD, LATE], [READ, WAIT, KEEP]),
    ("taken away", [CARD, NOTHING, NOTHING, LATE], [READ, WAIT, WAIT, KEEP]),
    ("a miss", [CARD, NOTHING, CARD, LATE], [READ, WAIT, WAIT, KEEP]),
    ("missed last", [CARD, NOTHING, LATE], [READ, WAIT, KEEP]),
    ("two taps", [CARD, NOTHING, NOTHING, CARD, LATE], [READ, WAIT, WAIT, COUNT, KEEP]),
    ("nobody came", [NOTHING, LATE], [WAIT, WAIT]),
    ("torn, and again", [CARD, TORN, CARD, LATE], [READ, REFUSE, READ, KEEP]),
    ("two carers", [CARD, OTHER, LATE], [READ, KEEP_AND_READ, KEEP]),
    ("two, one misses", [CARD, NOTHING, OTHER, LATE], [READ, WAIT, KEEP_AND_READ, KEEP]),
    (
        "two, after another",
        [CARD, NOTHING, NOTHING, NOTHING, OTHER, LATE],
        [READ, WAIT, WAIT, WAIT, KEEP_AND_READ, KEEP],
    ),
]


@pytest.mark.parametrize(("_name", "events", "expected"), STORIES, ids=[one[0] for one in STORIES])
def test_a_touch_is_kept_once_and_what_is_read_is_never_lost(
    _name: str, events: list[int], expected: list[int]
) -> None:
    state, done = SEEKING, []
    for event in events:
        state, what = visit.step(state, event)
        done.append(what)
    assert (state, done) == (OVER, expected)


def test_the_stories_use_every_transition() -> None:
    used = set()
    for _, events, _ in STORIES:
        state = SEEKING
        for event in events:
            used.add((state, event))
            state, _ = visit.step(state, event)
    assert used == set(TRANSITIONS)


@pytest.mark.parametrize("pair", [(OVER, CARD), (SEEKING, OTHER), (AWAY, TORN), (MISSED, TORN)])
def test_what_cannot_be_is_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(KeyError):
        visit.step(*pair)
    assert HELD != SEEKING


def row(card: bytes, boot: int = BOOT, minute: int = MINUTE, wall: int = WALL) -> list[Any]:
    return [card, boot, 41, minute, wall]


@pytest.mark.parametrize(
    ("boot", "minute", "wall", "is_open"),
    [
        (BOOT, MINUTE + 1, 0, True),
        (BOOT, MINUTE + LIMIT_MIN - 1, WALL + 10 * LIMIT_MIN, True),  # a clock that was set
        (BOOT, MINUTE + LIMIT_MIN, WALL, False),
        (BOOT + 1, 3, WALL + LIMIT_MIN - 1, True),
        (BOOT + 1, 3, WALL + LIMIT_MIN, False),
        (BOOT + 1, 3, 0, True),  # nobody knows for how long,
        (BOOT + 1, LIMIT_MIN - 1, 0, True),
        (BOOT + 1, LIMIT_MIN, 0, False),  # but for longer than the band has been on since
        (BOOT + 1, LIMIT_MIN, WALL - 50, False),
        (BOOT + 1, 3, WALL - 50, True),  # a clock that went back
    ],
)
def test_an_end_that_was_forgotten_for_16_hours_is_none_also_through_a_restart(
    boot: int, minute: int, wall: int, is_open: bool
) -> None:
    found = begun([row(OLGA), row(ANNA)], ANNA, boot, minute, wall)
    assert (found == row(ANNA)) is is_open


def test_a_visit_begun_without_a_clock_is_open_after_a_restart() -> None:
    assert begun([row(ANNA, wall=0)], ANNA, BOOT + 1, 1, WALL) is not None


def test_two_carers_have_visits_of_their_own() -> None:
    rows = noted(noted([], ANNA, row(ANNA)), OLGA, row(OLGA))
    rows = noted(rows, ANNA, None)
    assert rows == [row(OLGA)]
    assert begun(rows, ANNA, BOOT, MINUTE, WALL) is None


def test_beginning_anew_leaves_one_row_and_a_fifth_visit_forgets_the_oldest() -> None:
    rows: list[Any] = noted([row(ANNA)], ANNA, row(ANNA, minute=900))
    assert rows == [row(ANNA, minute=900)]
    for number in range(MOST_OPEN):
        card = bytes([number] * 7)
        rows = noted(rows, card, row(card))
    assert len(rows) == MOST_OPEN
    assert begun(rows, ANNA, BOOT, MINUTE, WALL) is None


@pytest.mark.parametrize(
    "found",
    [
        None,
        b"",
        [],
        [1, 0, 0],
        [1, 0, 0, {}],
        [1, 0, "0", []],
        [True, 0, 0, []],
        [1, 0, -1, []],
        [1, 0, 0, [[ANNA, 1, 2, 3]]],
        [1, 0, 0, [["04", 1, 2, 3, 4]]],
        [1, 0, 0, [[ANNA, 1, 1 << 32, 3, 4]]],
        [1, 0, 0, [row(ANNA)] * (MOST_OPEN + 1)],
    ],
)
def test_what_is_no_book_of_visits_is_not_taken_for_one(found: Any) -> None:
    assert not is_kept(found)


def test_what_was_kept_is_known_again() -> None:
    assert is_kept([1, 0, 0, []])
    assert is_kept([1, 12, 345, [row(ANNA)] * MOST_OPEN])
