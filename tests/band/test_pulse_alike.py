# SPDX-License-Identifier: Apache-2.0
"""The band's MicroPython and a desk's CPython think the same of the same light."""

from __future__ import annotations

import random
import re
import struct
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.optics import TABLE, Pulse
from opaska_tools.vitals.recordings import read_index
from tests.support.both_runtimes import told_alike
from tests.support.light import TOP, counts, shaken

if TYPE_CHECKING:
    from tests.support.light import Pair

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PLAYER = "pulse_play.py"
RECORDED_S = 300


def _write(path: Path, pairs: list[Pair]) -> Path:
    path.write_bytes(struct.pack(f"<{2 * len(pairs)}i", *chain.from_iterable(pairs)))
    return path


def test_made_up_light_is_judged_alike(tmp_path: Path) -> None:
    luck = random.Random(3)
    made = {
        "calm": counts(Pulse(heart_rate_bpm=58), 130),
        "quick": counts(Pulse(heart_rate_bpm=137, spo2_percent=90), 60, noise=100),
        "table": counts(TABLE, 60),
        "shaken": shaken(counts(Pulse(), 60), lambda _: luck.gauss(0, 0.1)),
        "wild": [(luck.randrange(TOP + 1), luck.randrange(TOP + 1)) for _ in range(3000)],
        "jumping": [(TOP - 5000 * (i // 30 % 2), 250_000 * (i // 45 % 2)) for i in range(3000)],
        "impossible": [(2**30, -5), (0, 0), (-1, 130_000)] * 200,
    }
    told = told_alike(PLAYER, [_write(tmp_path / name, pairs) for name, pairs in made.items()])
    assert re.search(r"^best \d\d 58 ", told, re.MULTILINE), "and it is no silence that is alike"


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
def test_recorded_light_is_judged_alike(tmp_path: Path) -> None:
    files = []
    for row in read_index(DATA)[::3]:
        for take in row.read():
            pairs = list(zip(take.red.tolist(), take.infrared.tolist(), strict=True))
            part = pairs[: RECORDED_S * 25]
            files.append(_write(tmp_path / f"{take.subject}{take.sensor}", part))
    told = told_alike(PLAYER, files)
    assert told.count("best") - told.count("best 0") >= 4
