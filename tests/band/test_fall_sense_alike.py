# SPDX-License-Identifier: Apache-2.0
"""The band's MicroPython and a desk's CPython come to the same scores and the same falls."""

from __future__ import annotations

import struct
from itertools import chain, islice
from pathlib import Path

import pytest

from opaska_tools.falls.recordings import read_index
from opaska_tools.falls.stream import held
from tests.support.arm_motion import Sample, blows, fall, rest
from tests.support.both_runtimes import told_alike

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PLAYER = "fall_play.py"
OF_EACH = 6  # recordings of each set and label
LONGEST_S = 40


def _write(path: Path, rate_hz: float, samples: list[Sample]) -> Path:
    numbers = chain.from_iterable(samples)
    body = struct.pack(f"<{3 * len(samples)}h", *numbers)
    path.write_bytes(struct.pack("<I", round(rate_hz * 1000)) + body)
    return path


def test_made_up_motions_are_judged_alike(tmp_path: Path) -> None:
    files = [
        _write(tmp_path / f"{kind}{rate_hz}", rate_hz, samples)
        for rate_hz in (20.0, 33.333, 52.0, 104.0)
        for kind, samples in (
            ("fall1", fall(rate_hz, 1)),
            ("fall2", fall(rate_hz, 2)),
            ("blows", blows(rate_hz, 20, 5, 0.7)),
            ("stuck", rest(rate_hz, 3) + [(1500, 1500, 0)] * int(6 * rate_hz)),
            ("wild", [(32767, -32768, i * 977 % 32767) for i in range(int(9 * rate_hz))]),
        )
    ]
    told = told_alike(PLAYER, files)
    assert told.count("\nfall ") >= 4, "and it is no silence that is alike"


@pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here: ../shared/data")
def test_recordings_are_judged_alike(tmp_path: Path) -> None:
    recordings = [r for r in read_index(DATA) if r.count < LONGEST_S * r.rate_hz]
    groups = {(r.dataset, r.is_fall) for r in recordings}
    files = []
    for group in sorted(groups):
        some = islice((r for r in recordings if (r.dataset, r.is_fall) == group), 0, None, 7)
        for recording in islice(some, OF_EACH):
            samples = held(recording, recording.read(), recording.rate_hz)
            path = tmp_path / recording.name.replace("/", "-")
            files.append(
                _write(path, recording.rate_hz, [(x, y, z) for x, y, z in samples.tolist()])
            )
    told = told_alike(PLAYER, files)
    assert told.count("judged") > len(files) / 2
    assert told.count("\nfall ") > OF_EACH
