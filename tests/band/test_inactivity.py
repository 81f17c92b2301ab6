# SPDX-License-Identifier: Apache-2.0
"""decisions/inactivity.py: once, by day, and again only after a movement."""

from opaska_band.decisions.inactivity import Inactivity

HOUR_MS = 3_600_000
STEP_MS = 5_000
LIMIT_MS = 4 * HOUR_MS


def hours(
    decision: Inactivity, count: float, *, moved: bool = False, awake: bool = True
) -> list[float]:
    """After how many hours it rang."""
    steps = range(1, int(count * HOUR_MS / STEP_MS) + 1)
    rang = [step for step in steps if decision.look(STEP_MS, moved, awake, LIMIT_MS)]
    return [step * STEP_MS / HOUR_MS for step in rang]


def test_it_rings_once_until_somebody_has_moved() -> None:
    decision = Inactivity()
    assert hours(decision, 12) == [4.0]
    assert hours(decision, 0.01, moved=True) == []
    assert hours(decision, 12) == [4.0]


def test_night_does_not_count_and_never_rings() -> None:
    decision = Inactivity()
    assert hours(decision, 3) == []
    assert hours(decision, 9, awake=False) == []
    assert hours(decision, 3) == [1.0]


def test_a_movement_begins_anew() -> None:
    decision = Inactivity()
    for _ in range(10):
        assert hours(decision, 3.9) == []
        assert hours(decision, 0.01, moved=True) == []


def test_off_is_off() -> None:
    decision = Inactivity()
    assert not any(decision.look(HOUR_MS, False, True, 0) for _ in range(100))
