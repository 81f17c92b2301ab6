# SPDX-License-Identifier: Apache-2.0
"""The recordings that come with the project: made by a command, and what their names say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from opaska_tools.body_model import STORIES, make, shipped
from opaska_tools.falls.export import Exported, export
from opaska_tools.falls.recordings import read_index
from opaska_tools.simulator.places import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_makes_the_shipped_recordings_again() -> None:
    assert [recording.rec for recording in read_index(SHIPPED)] == list(STORIES)
    for name in STORIES:
        there, again = shipped(name).read().astype(int), make(name).samples.astype(int)
        assert there.shape == again.shape
        assert np.abs(there - again).max() <= 1, "libraries of mathematics differ in the last bit"


@pytest.mark.parametrize("name", STORIES)
def test_every_story_begins_and_ends_at_rest_or_in_a_walk(name: str) -> None:
    samples = shipped(name).read().astype(float)
    lengths = np.linalg.norm(samples, axis=1)
    assert abs(lengths[:52].mean() - 1000) < 60
    assert abs(lengths[-52:].mean() - 1000) < 60
    assert np.abs(samples).max() <= 16_000


def test_falls_are_hard_at_their_peak_and_a_slump_is_soft() -> None:
    peaks = {
        name: float(np.linalg.norm(shipped(name).read().astype(float), axis=1).max())
        for name in STORIES
    }
    assert min(peaks["fall_and_lie"], peaks["fall_and_walk_on"]) > 4_000
    assert 1_500 < peaks["slump"] < 2_500
    assert max(peaks["walk"], peaks["night"], peaks["lie_down"]) < 2_000


def test_what_is_exported_can_be_read_and_the_same_data_make_the_same_files(
    tmp_path: Path,
) -> None:
    samples = np.array([[1, -2, 3], [-16_000, 16_000, 0]], np.int16)
    row = Exported("labelled", "b7", "r1", "fall", "fell, as told", True, 26, samples, "doubtful")
    for folder in ("one", "two"):
        export(tmp_path / folder, [row])
    (recording,) = read_index(tmp_path / "one")
    assert np.array_equal(recording.read(), samples)
    assert (recording.is_fall, recording.rate_hz, recording.flagged) == (True, 26, True)
    for file in ("index.csv", row.file):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
