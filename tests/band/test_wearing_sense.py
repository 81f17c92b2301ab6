# SPDX-License-Identifier: Apache-2.0
"""senses/wearing.py and senses/pad.py: votes, time and noise; figures are in docs/wear.md."""

from __future__ import annotations

import random
from typing import Any

import pytest

from opaska_band.senses.pad import Pad
from opaska_band.senses.wearing import Wearing
from opaska_protocol.reports import (
    CHARGING,
    CUT,
    LOOP_OPEN,
    LOOSE,
    NO_CONTACT,
    ON_CHARGER,
    PAD_AWAY,
    TAKEN_OFF,
    WORN,
)
from opaska_tools.wear import judge
from opaska_tools.wear.scenes import SCENES

AIR, SKIN = 30_000, 39_000
CLOSED, OPEN, CUT_MV = 12, 2_705, 3_100
STANDARD = 2
STILL, MOVING = 100, 0


class Wrist:
    """Looks every 400 ms at what a test says, with a little noise."""

    def __init__(self, profile: int = STANDARD) -> None:
        self.sense: Any = Wearing(AIR)
        self.now_ms = 0
        self.profile = profile
        self.chance = random.Random(1)

    def sees(self, seconds: float, loop: int | None, pad: int | None, **more: Any) -> int:
        """What it looks like at the end of these seconds."""
        values = {"contact": None, "charges": False, "still_s": MOVING, **more}
        end_ms = self.now_ms + round(seconds * 1000)
        looks = 0
        while self.now_ms < end_ms:
            count = None if pad is None else pad + self.chance.randrange(-60, 61)
            looks = self.sense.look(
                self.now_ms,
                self.profile,
                loop,
                count,
                values["contact"],
                values["charges"],
                values["still_s"],
            )
            self.now_ms += 400
        return looks


def worn(**more: Any) -> Wrist:
    wrist = Wrist(**more)
    wrist.sees(30, OPEN, AIR)
    assert wrist.sees(20, CLOSED, SKIN) == WORN
    return wrist


VOTES = [
    # loop, pad, light, still, then it is
    (CLOSED, SKIN, None, MOVING, WORN),
    (CLOSED, SKIN, False, STILL, WORN),
    (CLOSED, AIR, True, STILL, WORN),
    (CLOSED, AIR, None, STILL, LOOSE),
    (CLOSED, AIR, None, 900, TAKEN_OFF),
    (CLOSED, AIR, None, None, LOOSE),
    (CLOSED, AIR, False, MOVING, LOOSE),
    (CLOSED, AIR, False, STILL, TAKEN_OFF),
    (CLOSED, AIR, False, None, TAKEN_OFF),
    (OPEN, SKIN, None, MOVING, LOOSE),
    (OPEN, SKIN, True, MOVING, LOOSE),
    (OPEN, SKIN, False, MOVING, TAKEN_OFF),
    (OPEN, AIR, None, MOVING, TAKEN_OFF),
    (OPEN, AIR, True, MOVING, TAKEN_OFF),
    (OPEN, AIR, False, STILL, TAKEN_OFF),
    (CUT_MV, SKIN, True, MOVING, CUT),
    (CUT_MV, AIR, None, STILL, CUT),
    (None, SKIN, None, MOVING, WORN),
    (None, SKIN, False, MOVING, LOOSE),
    (None, AIR, None, STILL, TAKEN_OFF),
    (None, AIR, None, MOVING, LOOSE),
    (CLOSED, None, None, STILL, WORN),
    (OPEN, None, None, STILL, TAKEN_OFF),
    (None, None, None, STILL, 0),
    (None, None, True, STILL, WORN),
]


@pytest.mark.parametrize(("loop", "pad", "contact", "still_s", "looks"), VOTES)
def test_votes(
    loop: int | None, pad: int | None, contact: bool | None, still_s: int | None, looks: int
) -> None:
    assert worn().sees(20, loop, pad, contact=contact, still_s=still_s) == looks


def test_on_the_charger_nothing_is_taken_off_but_a_cut_is_a_cut() -> None:
    for loop, pad in ((OPEN, AIR), (CLOSED, AIR), (CLOSED, SKIN), (OPEN, SKIN)):
        assert worn().sees(20, loop, pad, charges=True, still_s=STILL) == CHARGING
    assert worn().sees(20, CUT_MV, AIR, charges=True, still_s=STILL) == CUT


@pytest.mark.parametrize(("profile", "agreed_s", "split_s"), [(1, 5, 12), (2, 2, 6), (3, 1, 3)])
def test_it_counts_after_the_time_of_its_profile_and_not_before(
    profile: int, agreed_s: float, split_s: float
) -> None:
    wrist = worn(profile=profile)
    began_ms = wrist.now_ms
    assert wrist.sees(agreed_s, OPEN, AIR) == 0
    assert wrist.sees(1, OPEN, AIR) == TAKEN_OFF
    assert wrist.sense.since_ms == began_ms, "the report names the beginning"
    assert wrist.sees(split_s, OPEN, SKIN) in (0, LOOSE)
    wrist = worn(profile=profile)
    assert wrist.sees(split_s, OPEN, SKIN) == 0
    assert wrist.sees(1, OPEN, SKIN) == LOOSE


def test_a_bump_shorter_than_the_time_changes_nothing() -> None:
    wrist = worn()
    for _ in range(20):
        assert wrist.sees(1.6, OPEN, AIR) == 0
        assert wrist.sees(3, CLOSED, SKIN) == WORN


def test_evidence_names_what_speaks_against_it() -> None:
    wrist = worn()
    assert wrist.sense.evidence == 0
    wrist.sees(5, OPEN, AIR, contact=False, charges=True)
    assert wrist.sense.evidence == LOOP_OPEN | PAD_AWAY | NO_CONTACT | ON_CHARGER


def test_light_is_asked_for_when_the_others_do_not_agree() -> None:
    wrist = worn()
    assert not wrist.sense.needs_light
    wrist.sees(5, OPEN, AIR)
    assert not wrist.sense.needs_light
    wrist.sees(10, CLOSED, AIR)
    assert wrist.sense.needs_light
    wrist.sees(5, None, SKIN)
    assert wrist.sense.needs_light


def test_light_is_asked_anew_whenever_loop_or_pad_say_something_else() -> None:
    wrist = worn()
    began_ms = wrist.now_ms
    wrist.sees(10, CLOSED, AIR)
    assert wrist.sense.parted_ms == began_ms
    wrist.sees(10, CLOSED, AIR, contact=True)
    assert wrist.sense.parted_ms == began_ms, "not because of the light itself"
    again_ms = wrist.now_ms
    wrist.sees(4, CLOSED, SKIN)
    assert again_ms <= wrist.sense.parted_ms < wrist.now_ms
    away_ms = wrist.now_ms
    wrist.sees(4, CLOSED, AIR)
    assert wrist.sense.parted_ms >= away_ms


@pytest.mark.parametrize(
    ("loop", "pad", "contact", "still_s", "needs_rest"),
    [
        (CLOSED, AIR, False, MOVING, True),
        (CLOSED, AIR, False, 3, True),
        (None, AIR, None, MOVING, True),
        (CLOSED, AIR, False, STILL, False),
        (CLOSED, AIR, None, MOVING, False),
        (CLOSED, SKIN, None, MOVING, False),
        (OPEN, SKIN, True, MOVING, False),
        (OPEN, AIR, None, MOVING, False),
    ],
)
def test_rest_is_waited_for_only_where_a_movement_alone_speaks_against_taken_off(
    loop: int | None, pad: int, contact: bool | None, still_s: int, needs_rest: bool
) -> None:
    wrist = worn()
    wrist.sees(20, loop, pad, contact=contact, still_s=still_s)
    assert wrist.sense.needs_rest is needs_rest
    if needs_rest:
        assert wrist.sense.wait_ms <= (1_000 if still_s else 3_000)


def feed(pad: Any, seconds: int, count: int, *, is_open: bool) -> bool | None:
    chance = random.Random(seconds)
    on: bool | None = None
    for _ in range(seconds):
        on = pad.feed(count + chance.randrange(-60, 61), 1_000, is_open)
    return on


def test_air_is_learnt_while_the_clasp_is_open_and_kept_for_days_of_skin() -> None:
    pad = Pad(AIR)
    feed(pad, 600, 31_500, is_open=True)
    assert pad.air == pytest.approx(31_500, rel=0.01)
    assert feed(pad, 60, 40_950, is_open=False)
    assert feed(pad, 200_000, 40_950, is_open=False)
    assert pad.air == pytest.approx(31_500, rel=0.01)
    assert feed(pad, 10, 31_500, is_open=True) is False


def test_air_that_was_thought_too_high_comes_down_by_itself() -> None:
    pad = Pad(40_000)
    feed(pad, 60, AIR, is_open=False)
    assert pad.air == pytest.approx(AIR, rel=0.01)
    assert feed(pad, 20, SKIN, is_open=False)


@pytest.mark.parametrize("counts", [[0] * 5, [SKIN] * 100, [-1]])
def test_pad_that_tells_nothing_has_no_vote_until_it_tells_again(counts: list[int]) -> None:
    pad = Pad(AIR)
    feed(pad, 20, SKIN, is_open=False)
    assert [pad.feed(count, 1_000, False) for count in counts][-1] is None
    assert pad.is_stuck
    assert feed(pad, 5, SKIN, is_open=False) is True
    assert not pad.is_stuck


@pytest.mark.parametrize("nonsense", [1, 500_000])
@pytest.mark.parametrize("took_ms", [400, 15_000])
def test_a_count_that_cannot_be_has_no_vote_and_leaves_nothing_behind(
    nonsense: int, took_ms: int
) -> None:
    pad = Pad(AIR)
    feed(pad, 20, SKIN, is_open=False)
    assert pad.feed(nonsense, took_ms, False) is None
    assert feed(pad, 2, SKIN, is_open=False) is True
    assert pad.air == pytest.approx(AIR, rel=0.01)
    for _ in range(30):
        pad.feed(nonsense, took_ms, False)
    assert feed(pad, 2, SKIN, is_open=False) is True
    assert feed(pad, 2, AIR, is_open=False) is False


def test_light_is_not_asked_for_where_it_changes_nothing() -> None:
    wrist = worn()
    wrist.sees(20, CLOSED, AIR, charges=True)
    assert not wrist.sense.needs_light
    wrist.sees(20, CUT_MV, SKIN)
    assert not wrist.sense.needs_light
    wrist.sees(20, CLOSED, AIR)
    assert wrist.sense.needs_light


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_constructed_scene_is_right_within_ten_seconds(scene: Any) -> None:
    for optical in (True, False):
        if scene.optical_alone and not optical:
            continue
        for seed in range(2):
            slowest_s, wrong_s, alarms = judge.play(scene, seed, optical=optical)
            assert slowest_s <= judge.RIGHT_WITHIN_S
            assert wrong_s == 0
            assert alarms == 0
