# SPDX-License-Identifier: Apache-2.0
"""The band's MicroPython and a desk's CPython say the same of the same strap."""

from __future__ import annotations

import random
from pathlib import Path

from tests.support.both_runtimes import told_alike

PLAYER = "wear_play.py"
LOOKS = 4_000


def _looks(seed: int) -> str:
    """A strap that does whatever it likes."""
    chance = random.Random(seed)
    lines: list[str] = []
    now = loop = count = still = 0
    light, charger, profile = "-", 0, 2
    for _ in range(LOOKS):
        now += chance.choice((400, 400, 2_000, 5_000))
        if chance.random() < 0.1:
            loop = chance.choice((12, 2_705, 2_705, 3_100, 799, 800, 2_920, 2_921))
            count = chance.choice((30_000, 31_000, 33_500, 36_000, 39_000, 52_000, 0))
            still = chance.choice((0, 0, 5, 6, 100, 899, 900))
            light, charger = chance.choice("-01"), int(chance.random() < 0.1)
            profile = chance.choice((1, 2, 3))
        pad = (
            "-" if chance.random() < 0.02 else str(count + chance.randrange(-90, 91) * (count > 0))
        )
        told = "-" if chance.random() < 0.02 else str(loop)
        rest = "-" if chance.random() < 0.02 else str(still)
        lines.append(f"{now} {profile} {told} {pad} {light} {charger} {rest}\n")
    return "".join(lines)


def test_whatever_a_strap_does_both_runtimes_say_the_same(tmp_path: Path) -> None:
    files = [tmp_path / f"{seed}" for seed in range(4)]
    for seed, file in enumerate(files):
        file.write_text(_looks(seed))
    here = told_alike(PLAYER, files).splitlines()
    assert len(here) == LOOKS * len(files)
    states = {line.split()[1] for line in here}
    assert states == set("0123456"), "every state was come past"
