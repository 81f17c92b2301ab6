# SPDX-License-Identifier: Apache-2.0
"""The band's MicroPython and a desk's CPython hear the same knocks in the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from opaska_tools.body_model import shipped
from opaska_tools.knock_model import FIRM_MM_S, GENTLE_MM_S, PLAIN_MM_S, knocks
from tests.band.test_knock import DATA, daily
from tests.support.both_runtimes import told_alike

if TYPE_CHECKING:
    from opaska_tools.falls.recordings import Samples

PLAYER = "knock_play.py"
SETS = {"stresspredict": 3, "wisdm": 5, "weda": 60}  # recordings
LONGEST = 6_000  # samples


def _write(path: Path, samples: Samples) -> Path:
    path.write_bytes(samples.astype("<i2").tobytes())
    return path


def _heard_alike(files: list[Path]) -> int:
    """How often."""
    here = told_alike(PLAYER, files).splitlines()
    assert sum(line.startswith("heard") for line in here) == len(files)
    return sum(line.startswith("knocked") for line in here)


def test_made_up_knocks_are_heard_alike(tmp_path: Path) -> None:
    files = [
        _write(tmp_path / f"{seed}-{speed}-{tremor}", knocks(seed, speed, tremor_g=tremor))
        for seed in range(10)
        for speed in (GENTLE_MM_S, PLAIN_MM_S, FIRM_MM_S)
        for tremor in (0.0, 0.2)
    ]
    files.append(_write(tmp_path / "walk", shipped("walk").read()))
    wild = np.random.default_rng(5).integers(-32_768, 32_767, (20_000, 3), np.int16)
    files.append(_write(tmp_path / "wild", wild))
    assert _heard_alike(files) > 30, "and it is no silence that is alike"


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
def test_recordings_are_heard_alike(tmp_path: Path) -> None:
    files = [
        _write(tmp_path / f"{dataset}{number}", samples[:LONGEST])
        for dataset, count in SETS.items()
        for number, samples in enumerate(daily(dataset, count))
    ]
    assert len(files) == sum(SETS.values())
    assert _heard_alike(files) >= 1
