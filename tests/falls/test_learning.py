# SPDX-License-Identifier: Apache-2.0
"""What training writes is what the band computes, and the same at every run."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from opaska_band.senses import fall_features, fall_model, fall_parameters
from opaska_tools.falls import convolution, parameters, training, trees
from opaska_tools.falls.examples import IS_DAILY, IS_FALL, Examples, examples_of
from opaska_tools.falls.figures import poisson_interval
from opaska_tools.falls.recordings import read_index
from opaska_tools.simulator.places import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COUNT = 600


def numbers(seed: int) -> NDArray[np.int16]:
    """Random rows in place of what windows measure."""
    chance = np.random.default_rng(seed)
    return chance.integers(-32767, 32768, (COUNT, fall_features.COUNT)).astype(np.int16)


def pictures(seed: int) -> NDArray[np.uint8]:
    """Random pictures, brighter in the middle where the row is odd."""
    chance = np.random.default_rng(seed)
    shape = (COUNT, fall_features.LENGTH, fall_model.CHANNELS)
    out = chance.integers(0, 128, shape).astype(np.uint8)
    out[1::2, 60:80] += 90
    return out


def test_the_band_walks_the_trees_as_training_does() -> None:
    rows = numbers(1)
    is_fall = (rows[:, 3] > 100) & (rows[:, 40] > -2000)
    grown = trees.grow(rows, is_fall, np.ones(COUNT), 12, seed=1)
    expected = grown.score(rows)
    assert ((expected > 0) == is_fall).mean() > 0.9, "and they learn"
    window = fall_features.Window()
    for row, score in zip(rows.tolist(), expected.tolist(), strict=True):
        for place, value in enumerate(row):
            window.numbers[place] = value
        assert fall_model.trees(window, grown.pack()) == score


def test_the_rounded_convolution_says_what_the_learned_one_said() -> None:
    shown = pictures(1)
    is_fall = np.arange(COUNT) % 2 == 1
    network = convolution.learn(shown, is_fall, np.ones(COUNT), steps=60, seed=1)
    plain = network.score(shown)
    assert ((plain > 0) == is_fall).mean() > 0.95, "and it learns"
    rounded = convolution.rounded(network, shown, share=1.0)
    learned = training.Learned(
        b"", rounded.weights, tuple(rounded.shifts), rounded.scale, HOPELESS=-1
    )
    model = training.PictureModel(learned)
    scores = []
    for picture in shown[:100]:
        model.seen = picture.tobytes()
        scores.append(model.convolution(fall_features.Window()) / trees.SCALE)
    assert np.abs(np.array(scores) - plain[:100]).max() < 0.1 * np.abs(plain).max() + 0.1


def test_the_same_examples_and_seed_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TREES", 4)
    monkeypatch.setattr(training, "STEPS", 10)
    label = np.where(np.arange(COUNT) % 2 == 1, IS_FALL, IS_DAILY)
    zeros = np.zeros(COUNT, np.int64)
    examples = Examples(
        zeros, zeros, zeros.astype(float), zeros.astype(float), label, numbers(2), pictures(2)
    )
    recordings = read_index(SHIPPED)
    pages = [
        parameters.page(training.learn(examples, recordings, seed), "test", seed)
        for seed in (1, 1, 2)
    ]
    assert pages[0] == pages[1] != pages[2]
    (tmp_path / "made.py").write_text(pages[0])
    made: dict[str, Any] = runpy.run_path(str(tmp_path / "made.py"))
    learned = training.learn(examples, recordings, 1)
    assert (made["TREES"], made["CONVOLUTION"]) == (learned.TREES, learned.CONVOLUTION)


def test_the_variations_of_a_recording_are_the_same_at_every_run() -> None:
    recording = next(r for r in read_index(SHIPPED) if r.is_fall)
    first = examples_of(recording, seed=1)
    assert first
    assert first == examples_of(recording, seed=1)
    assert first != examples_of(recording, seed=2)


def test_the_shipped_parameters_fit_the_model_that_reads_them() -> None:
    expected = 3 + 2 * fall_model.LAYERS[-1][2]
    channels = fall_model.CHANNELS
    for seen, _, filters in fall_model.LAYERS:
        expected += filters * (3 + seen * channels)
        channels = filters
    assert len(fall_parameters.CONVOLUTION) == expected
    assert len(fall_parameters.TREES) % fall_model.TREE_BYTES == 0
    careful, standard, keen = fall_parameters.LINES
    assert careful > standard > keen > fall_parameters.HOPELESS


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (6, 2.202, 13.06)]
)
def test_the_interval_of_a_count_is_the_published_one(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), abs=0.001)
