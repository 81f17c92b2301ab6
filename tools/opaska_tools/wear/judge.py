# SPDX-License-Identifier: Apache-2.0
"""Constructed scenes through the band's sense: how soon it is right, and whether it stays so."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from opaska_protocol.reports import CUT, TAKEN_OFF
from opaska_tools.wear.player import Player
from opaska_tools.wear.scenes import SCENES

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.wear.scenes import Scene, Turn

RIGHT_WITHIN_S: Final = 10.0
SEEDS: Final = 20
UNIT_PERCENT: Final = 5.0  # by which the pads of two bands differ, at most
_LONGEST_REST_S: Final = 8  # of an arm that lives


def scenes(seeds: int = SEEDS) -> dict[str, Any]:
    """Figures of every scene, with and without the oximeter's vote."""
    return {
        "seeds": seeds,
        "three_signals": _table(seeds, optical=True),
        "two_signals": _table(seeds, optical=False),
    }


def _table(seeds: int, *, optical: bool) -> list[dict[str, Any]]:
    return [
        _row(scene, [play(scene, seed, optical=optical) for seed in range(seeds)])
        for scene in SCENES
    ]


def _row(scene: Scene, plays: list[tuple[float, float, int]]) -> dict[str, Any]:
    late = [right_s for right_s, _, _ in plays]
    return {
        "scene": scene.name,
        "slowest_s": round(max(late), 1),
        "wrong_s": round(max(wrong_s for _, wrong_s, _ in plays), 1),  # after it was right once
        "false_alarms": sum(alarms for _, _, alarms in plays),
        "right": all(
            right_s <= RIGHT_WITHIN_S and wrong_s == 0 and not alarms
            for right_s, wrong_s, alarms in plays
        ),
        "needs_oximeter": scene.optical_alone,
    }


def play(scene: Scene, seed: int, *, optical: bool) -> tuple[float, float, int]:
    """(the longest that a turn took to be right, seconds wrong after that, alarms for nothing)"""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    player = Player(seed, optical=optical)
    unit = 1 + chance.uniform(-UNIT_PERCENT, UNIT_PERCENT) / 100
    player.strap.air_count = round(player.strap.air_count * unit)
    slowest_ms = wrong_ms = 0
    false_alarms = 0
    ends = [turn.at_s for turn in scene.turns[1:]] + [scene.lasts_s]
    truth: int | None = None
    for turn, end_s in zip(scene.turns, ends, strict=True):
        _turn(player, turn, chance)
        heard = len(player.alarms)
        changed, truth = turn.truth != truth, turn.truth
        began_ms = player.now_ms
        player.until(round(end_s * 1000))
        right_ms, lost_ms = _compare(player, truth, began_ms)
        slowest_ms = max(slowest_ms, right_ms if changed else 0)
        wrong_ms += lost_ms if changed else lost_ms + right_ms
        if truth is not None:
            rang = {state for _, state in player.alarms[heard:]}
            false_alarms += len(rang - ({truth} if truth in (TAKEN_OFF, CUT) else set()))
    return slowest_ms / 1000, wrong_ms / 1000, false_alarms


def _turn(player: Player, turn: Turn, chance: random.Random) -> None:
    player.strap.put(turn.loop, turn.touch)
    player.strap.air_count = round(player.strap.air_count * (1 + turn.drift_percent / 100))
    if turn.charger is not None:
        player.charger = turn.charger
    if turn.moves is not None:
        player.still_s = _moving(chance) if turn.moves else _resting(player.now_ms)


def _moving(chance: random.Random) -> Callable[[int], int]:
    return lambda _: chance.randrange(_LONGEST_REST_S)


def _resting(since_ms: int) -> Callable[[int], int]:
    return lambda now_ms: (now_ms - since_ms) // 1000


def _compare(player: Player, truth: int | None, began_ms: int) -> tuple[int, int]:
    """(ms until it was right, ms that it was wrong after that)"""
    if truth is None:
        return 0, 0
    before = [state for at_ms, state in player.states if at_ms <= began_ms]
    spans = [(began_ms, before[-1] if before else TAKEN_OFF)]
    spans += [(at_ms, state) for at_ms, state in player.states if at_ms > began_ms]
    ends = [at_ms for at_ms, _ in spans[1:]] + [player.now_ms]
    right_ms: int | None = None
    wrong_ms = 0
    for (at_ms, state), end_ms in zip(spans, ends, strict=True):
        if state == truth:
            right_ms = at_ms - began_ms if right_ms is None else right_ms
        elif right_ms is not None:
            wrong_ms += end_ms - at_ms
    return (player.now_ms - began_ms if right_ms is None else right_ms), wrong_ms
