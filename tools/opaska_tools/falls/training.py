# SPDX-License-Identifier: Apache-2.0
"""From examples to the parameters that the band reads. One thread, one seed: the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses import fall_features
from opaska_band.senses.fall_features import Window
from opaska_band.senses.fall_model import Model
from opaska_tools.falls import convolution, trees
from opaska_tools.falls.examples import AS_RECORDED, IS_FALL, IS_UNSURE, Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from opaska_tools.falls.recordings import Recording

TREES = 110
STEPS = 1000  # of the convolution's learning, 128 examples each
NETWORKS_SHARE = 0.8  # of the convolution's log odds, beside the trees'
HOPELESS = -96  # trees' score: odds of 1 to 20, which the convolution hardly ever turns
FALLS_DRAWN = 0.3  # share of falls among what the convolution sees
# Weights of an example. People falling on command do few daily things between, and those are the
# hardest ones; whole hours of daily life outnumber them.
_FALL = 3.0
_DAILY_OF_FALLERS = 3.0
_DAILY = 1.0


@dataclass
class Learned:
    """What goes into fall_parameters.py, in the form that the band's model takes."""

    TREES: bytes
    CONVOLUTION: bytes
    SHIFTS: tuple[int, ...]
    SCALE: int
    HOPELESS: int
    LINES: tuple[int, ...] = (0, 0, 0)


def learn(examples: Examples, recordings: list[Recording], seed: int) -> Learned:
    """Trees and convolution from these examples."""
    chosen = examples.where((examples.label != IS_UNSURE) & (examples.variation >= AS_RECORDED))
    is_fall = chosen.label == IS_FALL
    weight = _weights(chosen, recordings)
    grown = trees.grow(chosen.numbers, is_fall, weight, TREES, seed)
    drawn = weight.copy()
    share = FALLS_DRAWN / (1 - FALLS_DRAWN)
    drawn[is_fall] *= share * drawn[~is_fall].sum() / drawn[is_fall].sum()
    network = convolution.learn(chosen.picture, is_fall, drawn, STEPS, seed)
    some = chosen.picture[:: max(1, len(chosen) // 2000)]
    rounded = convolution.rounded(network, some, NETWORKS_SHARE)
    return Learned(grown.pack(), rounded.weights, tuple(rounded.shifts), rounded.scale, HOPELESS)


def _weights(examples: Examples, recordings: list[Recording]) -> NDArray[Any]:
    fallers = {recording.dataset for recording in recordings if recording.is_fall}
    of_fallers = np.array([recording.dataset in fallers for recording in recordings])
    weight = np.where(of_fallers[examples.recording], _DAILY_OF_FALLERS, _DAILY)
    weight[examples.label == IS_FALL] = _FALL
    return weight


def scores(examples: Examples, learned: Learned) -> NDArray[Any]:
    """What the band's own model says of each example."""
    model = PictureModel(learned)
    window = Window()
    out = np.zeros(len(examples), np.int64)
    for row in range(len(examples)):
        for place in range(fall_features.COUNT):
            window.numbers[place] = int(examples.numbers[row, place])
        model.seen = examples.picture[row].tobytes()
        out[row] = model.score(window)
    return out


class PictureModel(Model):  # type: ignore[misc]  # the band's code has no types here
    """The band's model on pictures that were kept."""

    seen = b""

    def draw(self, window: Any, pixels: bytearray) -> None:
        """Put the kept picture in place."""
        pixels[:] = self.seen
