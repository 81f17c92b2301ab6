# SPDX-License-Identifier: Apache-2.0
"""Recorded wrists wear the band: what their motion does to a strap, and whether it is ever called
taken off.

Nobody has recorded a strap, so its signals are constructed: sweat, sleeves and cold skin come and
go, and a blow now and then lifts the pad, dims the light or parts the clasp for a moment.
"""

from __future__ import annotations

import random
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opaska_band.senses.stillness import Stillness
from opaska_protocol.reports import CUT, LOOSE, TAKEN_OFF
from opaska_tools.falls.recordings import read_index
from opaska_tools.wear.player import Player

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.falls.recordings import Recording

SETS: Final = ("wisdm", "stresspredict")  # hours of daily life; in the others people fall
SHORTEST_S: Final = 60
BLOW_MG: Final = 800  # from peak to peak within a second
LIFTS: Final = 0.15  # of the blows lift the pad, for 0.5 to 4 s,
PARTS: Final = 0.02  # and so many part the clasp, for 50 to 300 ms
TOUCHES: Final = ("skin", "skin", "sweat", "sleeve", "cold", "glove")
TOUCH_LASTS_S: Final = (120, 900)


class Lived(NamedTuple):
    """One recording, worn with and without the oximeter's vote."""

    seconds: int
    blows: int
    taken_off: int
    loose_s: float


def figures(folder: Path, jobs: int) -> dict[str, Any]:
    """Over all recordings of daily life in the folder."""
    recordings = [
        one
        for one in read_index(folder)
        if one.dataset in SETS and not one.is_fall and one.count / one.rate_hz >= SHORTEST_S
    ]
    with ProcessPoolExecutor(jobs) as pool:
        return {
            name: _sum(list(pool.map(partial(live, optical=optical), recordings, chunksize=8)))
            for name, optical in (("three_signals", True), ("two_signals", False))
        }


def live(recording: Recording, *, optical: bool) -> Lived:
    """Put it on, and go through the recording."""
    chance = random.Random(zlib.crc32(recording.name.encode()))  # noqa: S311 - repeatable
    seconds = _seconds(recording)
    player = Player(chance.randrange(1 << 16), optical=optical)
    player.strap.put("open", "table")
    player.until(60_000)
    player.strap.put("closed", "skin")
    player.until(90_000)
    start_ms = player.now_ms
    player.still_s = lambda now_ms: seconds[min((now_ms - start_ms) // 1000, len(seconds) - 1)][0]
    blows = 0
    touch_until_s, lifted_until_s = 0, 0.0
    for second, (_, swing_mg) in enumerate(seconds):
        if second >= touch_until_s:
            player.strap.put(touch=chance.choice(TOUCHES))
            touch_until_s = second + chance.randint(*TOUCH_LASTS_S)
        if swing_mg > BLOW_MG:
            blows += 1
            if chance.random() < LIFTS:
                lifted_until_s = second + chance.uniform(0.5, 4)
            if chance.random() < PARTS:
                player.strap.put("open")
                player.until(start_ms + second * 1000 + chance.randint(50, 300))
                player.strap.put("closed")
        player.strap.contact = 0.1 if second < lifted_until_s else 1.0
        player.until(start_ms + (second + 1) * 1000)
    rang = [state for at_ms, state in player.alarms if at_ms > start_ms]
    return Lived(
        len(seconds), blows, rang.count(TAKEN_OFF) + rang.count(CUT), _loose_s(player, start_ms)
    )


def _seconds(recording: Recording) -> list[tuple[int, int]]:
    """For each second: for how long the arm has been still, and its widest swing in mg."""
    rate_hz = round(recording.rate_hz)
    stillness: Any = Stillness(rate_hz)
    samples = recording.read()
    found: list[tuple[int, int]] = []
    for at in range(0, len(samples) - rate_hz + 1, rate_hz):
        part = samples[at : at + rate_hz]
        for x, y, z in part.tolist():
            stillness.feed(x, y, z)
        found.append((stillness.still_s, int((part.max(0) - part.min(0)).max())))
    return found


def _loose_s(player: Player, start_ms: int) -> float:
    ends = [at_ms for at_ms, _ in player.states[1:]] + [player.now_ms]
    return sum(
        (end_ms - max(at_ms, start_ms)) / 1000
        for (at_ms, state), end_ms in zip(player.states, ends, strict=True)
        if state == LOOSE and end_ms > start_ms
    )


def _sum(lives: list[Lived]) -> dict[str, Any]:
    hours = sum(one.seconds for one in lives) / 3600
    loose_s = sum(one.loose_s for one in lives)
    return {
        "recordings": len(lives),
        "hours": round(hours, 1),
        "blows": sum(one.blows for one in lives),
        "false_taken_off": sum(one.taken_off for one in lives),
        "loose_percent": round(loose_s / 36 / hours, 2) if hours else 0.0,
    }
