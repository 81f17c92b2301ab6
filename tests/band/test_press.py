# SPDX-License-Identifier: Apache-2.0
"""senses/press.py: contact edges on a time line -> what the finger meant."""

import itertools
import random
from collections.abc import Iterable

import pytest

from opaska_band.senses.press import (
    DEBOUNCE_MS,
    DOWN,
    HELD,
    LET_GO,
    LONG,
    LONG_MS,
    PRESSED,
    RELEASE_MS,
    RELEASED,
    SHORT,
    TAPS_WITHIN_MS,
    THREE_PRESSES,
    TOO_LONG,
    TOO_LONG_MS,
    Press,
)

Edge = tuple[int, bool]  # ms, closed
SOS = (HELD, THREE_PRESSES)


def live(
    edges: Iterable[Edge],
    hold_ms: int = 500,
    until_ms: int = 20_000,
    counting: bool = False,
) -> list[tuple[int, str]]:
    """Feed the edges at their time and poll exactly when the sense asks for it."""
    press = Press(hold_ms)
    press.count(counting)
    noticed: list[tuple[int, str]] = []
    now_ms = 0
    for at_ms, closed in [*edges, (until_ms, None)]:
        while (due_ms := press.next_ms()) is not None and due_ms < at_ms:
            assert due_ms >= now_ms, "asked to be polled in the past"
            now_ms = due_ms
            noticed += [(now_ms, what) for what in press.poll(now_ms)]
        if closed is not None:
            now_ms = at_ms
            noticed += [(now_ms, what) for what in press.edge(closed, now_ms)]
    return noticed


def tap(at_ms: int, long_ms: int = 100) -> list[Edge]:
    return [(at_ms, True), (at_ms + long_ms, False)]


def raised(noticed: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [one for one in noticed if one[1] in SOS]


@pytest.mark.parametrize("hold_ms", [0, 1, 20, 21, 250, 500, 1000])
def test_sos_is_raised_at_the_end_of_the_hold_and_not_at_the_release(hold_ms: int) -> None:
    noticed = live(tap(1_000, 3_000), hold_ms)
    end_ms = 1_000 + max(hold_ms, DEBOUNCE_MS)
    assert noticed == [(1_000 + DEBOUNCE_MS, PRESSED), (end_ms, HELD)]


@pytest.mark.parametrize("hold_ms", [100, 500, 1000])
def test_release_before_the_end_of_the_hold_raises_nothing(hold_ms: int) -> None:
    for long_ms in range(DEBOUNCE_MS, hold_ms, 7):
        noticed = live(tap(1_000, long_ms), hold_ms)
        assert [what for _, what in noticed] == [PRESSED, RELEASED], long_ms


def test_one_press_raises_one_sos_however_long_it_lasts() -> None:
    assert len(raised(live(tap(100, 15_000)))) == 1


def test_each_press_is_an_sos_when_the_hold_is_zero() -> None:
    edges = tap(100) + tap(400) + tap(700) + tap(1_000)
    assert [what for _, what in raised(live(edges, 0))] == [HELD] * 4


@pytest.mark.parametrize("long_ms", [1, 5, 10, DEBOUNCE_MS - 1])
@pytest.mark.parametrize("hold_ms", [0, 500])
def test_a_spike_is_no_press(long_ms: int, hold_ms: int) -> None:
    edges = [edge for at_ms in range(100, 10_000, 200) for edge in tap(at_ms, long_ms)]
    assert live(edges, hold_ms) == []


def test_bouncing_contact_neither_delays_nor_doubles_the_sos() -> None:
    bounces = [(1_000 + ms, ms % 2 == 0) for ms in range(11)]  # closed at the end
    assert raised(live([*bounces, (3_000, False)])) == [(1_500, HELD)]


def test_bouncing_release_is_one_release() -> None:
    edges = [*tap(1_000, 300), (1_305, True), (1_308, False), (1_312, True), (1_315, False)]
    assert [what for _, what in live(edges)] == [PRESSED, RELEASED]


@pytest.mark.parametrize("period_ms", [2, 5, 11, 19])
@pytest.mark.parametrize("hold_ms", [0, 500, 1000])
def test_worn_contact_that_never_rests_still_raises_one_sos(period_ms: int, hold_ms: int) -> None:
    times = range(1_000, 4_000, period_ms)
    edges = [(at_ms, i % 2 == 0) for i, at_ms in enumerate(times)]
    found = raised(live([*edges, (4_000, False)], hold_ms))
    assert [what for _, what in found] == [HELD]
    assert found[0][0] - 1_000 <= max(hold_ms, DEBOUNCE_MS) + period_ms


def test_contact_that_opens_just_before_the_end_of_the_hold_raises_nothing() -> None:
    for early_ms in range(1, RELEASE_MS + 5):
        assert not raised(live(tap(1_000, 500 - early_ms))), early_ms


def test_third_press_within_five_seconds_raises_without_a_hold() -> None:
    found = live(tap(1_000) + tap(3_000) + tap(5_900))
    assert raised(found) == [(5_900 + DEBOUNCE_MS, THREE_PRESSES)]


def test_third_press_after_five_seconds_raises_nothing() -> None:
    assert not raised(live(tap(1_000) + tap(3_000) + tap(1_000 + TAPS_WITHIN_MS + 1)))


def test_sliding_window_counts_the_latest_three_presses() -> None:
    starts = (1_000, 5_000, 8_000, 9_500)
    found = live([edge for at_ms in starts for edge in tap(at_ms)])
    assert raised(found) == [(9_500 + DEBOUNCE_MS, THREE_PRESSES)]


def test_third_press_that_is_held_on_raises_once() -> None:
    assert len(raised(live(tap(1_000) + tap(2_000) + tap(3_000, 4_000)))) == 1


def test_presses_before_an_sos_do_not_count_towards_the_next_one() -> None:
    edges = tap(1_000) + tap(1_500) + tap(2_000, 800) + tap(3_000) + tap(3_500)
    assert len(raised(live(edges))) == 1


def test_button_held_at_power_up_raises_no_second_sos_but_the_next_press_does() -> None:
    press = Press(500)
    press.taken_up(0)
    assert press.is_down()
    assert press.poll(5_000) == []
    assert press.edge(False, 6_000) == []
    assert press.poll(6_000 + RELEASE_MS) == []
    assert not press.is_down()
    press.edge(True, 7_000)
    assert press.poll(7_500) == [PRESSED, HELD]


def test_edges_seen_late_by_a_busy_task_give_the_same_as_edges_seen_in_time() -> None:
    press = Press(500)
    noticed = press.edge(True, 1_000) + press.edge(False, 1_499) + press.poll(9_000)
    assert noticed == [PRESSED, RELEASED]
    noticed = press.edge(True, 10_000) + press.edge(False, 10_600) + press.poll(19_000)
    assert noticed == [PRESSED, HELD]


def test_storms_of_edges_never_raise_more_often_than_fingers_can_press() -> None:
    chance = random.Random(2)
    for _ in range(300):
        edges, at_ms, closed = [], 100, True
        while at_ms < 19_000:
            edges.append((at_ms, closed))
            at_ms += chance.choice((1, 3, 15, 25, 35, 120, 600, 1_100))
            closed = not closed
        found = raised(live(edges, chance.choice((0, 500, 1_000))))
        gaps = [b[0] - a[0] for a, b in itertools.pairwise(found)]
        assert all(gap >= RELEASE_MS for gap in gaps)


# --- in the countdown of a fall ---


@pytest.mark.parametrize("hold_ms", [0, 500, 1000])
@pytest.mark.parametrize("long_ms", [DEBOUNCE_MS, 100, 499, 1_500, LONG_MS - 1])
def test_countdown_press_that_is_let_go_before_five_seconds_is_short(
    hold_ms: int, long_ms: int
) -> None:
    noticed = live(tap(1_000, long_ms), hold_ms, counting=True)
    assert noticed == [(1_000 + DEBOUNCE_MS, DOWN), (1_000 + long_ms + RELEASE_MS, SHORT)]


def test_countdown_press_of_five_seconds_is_long_and_then_let_go() -> None:
    noticed = live(tap(1_000, 7_000), counting=True)
    assert noticed == [
        (1_000 + DEBOUNCE_MS, DOWN),
        (1_000 + LONG_MS, LONG),
        (8_000 + RELEASE_MS, LET_GO),
    ]


def test_countdown_press_of_ten_seconds_is_too_long_and_says_nothing_more() -> None:
    noticed = live(tap(1_000, 15_000), counting=True)
    assert noticed[1:] == [(1_000 + LONG_MS, LONG), (1_000 + TOO_LONG_MS, TOO_LONG)]


def test_hand_that_trembles_on_the_button_still_holds_for_five_seconds() -> None:
    edges = [(1_000, True)]
    for at_ms in range(1_100, 7_000, 100):
        edges += [(at_ms, False), (at_ms + RELEASE_MS - 1, True)]
    noticed = live([*edges, (7_500, False)], counting=True)
    assert [what for _, what in noticed] == [DOWN, LONG, LET_GO]


def test_spikes_in_a_countdown_are_no_presses() -> None:
    edges = [edge for at_ms in range(100, 10_000, 200) for edge in tap(at_ms, DEBOUNCE_MS - 1)]
    assert live(edges, counting=True) == []


def test_every_countdown_tap_is_told_and_none_is_counted_towards_three() -> None:
    noticed = live(tap(1_000) + tap(1_500) + tap(2_000), counting=True)
    assert [what for _, what in noticed] == [DOWN, SHORT] * 3


def test_countdown_press_seen_late_by_a_busy_task_is_told_whole() -> None:
    press = Press(500)
    press.count(True)
    noticed = press.edge(True, 1_000) + press.poll(12_000)
    assert noticed == [DOWN, LONG, TOO_LONG]


def test_press_that_began_before_the_countdown_stays_a_press_for_help() -> None:
    press = Press(500)
    noticed = press.edge(True, 1_000) + press.poll(1_100)
    press.count(True)
    assert noticed + press.poll(9_000) == [PRESSED, HELD]


def test_press_under_way_at_the_end_of_the_countdown_says_nothing_more() -> None:
    press = Press(500)
    press.count(True)
    press.edge(True, 1_000)
    assert press.poll(2_000) == [DOWN]
    press.count(False)
    assert press.next_ms() is None
    assert press.edge(False, 3_000) + press.poll(4_000) == []
    assert press.edge(True, 5_000) + press.poll(5_600) == [PRESSED, HELD]


def test_touch_at_the_very_end_of_the_countdown_becomes_a_press_for_help() -> None:
    press = Press(500)
    press.count(True)
    press.edge(True, 1_000)
    press.count(False)
    assert press.poll(1_500) == [PRESSED, HELD]
