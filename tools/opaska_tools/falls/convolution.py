# SPDX-License-Identifier: Apache-2.0
"""The small convolution: learned with Adam in single precision, then rounded to the band's bytes.

Layers, steps and filters are the band's own (`fall_model.LAYERS`); the last sum is over each
filter's greatest and mean answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses.fall_model import CHANNELS, LAYERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_UNIT = 64.0  # steps of the picture per 1.0 of the first layer's input
_MIDDLE = np.array([64, 0, 128, 128], np.float32)  # of each channel of the picture
_BATCH = 128
_AT_ONCE = 2048  # pictures scored together
_RATE = 3e-3
_DECAY = 1e-2
_DROP = 0.2  # share of the last sum's inputs that a step leaves out


@dataclass
class Rounded:
    """What the band reads."""

    weights: bytes
    shifts: list[int]
    scale: int


class Network:
    """Weights and biases, layer by layer, and the last sum."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.weights: list[Floats] = []
        self.biases: list[Floats] = []
        channels = CHANNELS
        for seen, _, filters in LAYERS:
            spread = np.sqrt(2 / (seen * channels))
            self._add(chance.standard_normal((seen * channels, filters)) * spread)
            channels = filters
        self._add(chance.standard_normal((2 * channels, 1)) * 0.1)

    def _add(self, weights: NDArray[Any]) -> None:
        self.weights.append(weights.astype(np.float32))
        self.biases.append(np.zeros(len(weights.T), np.float32))

    def score(self, pictures: NDArray[np.uint8]) -> Floats:
        """Log odds, before rounding."""
        out = np.zeros(len(pictures), np.float32)
        for start in range(0, len(pictures), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            out[some] = self._forward(_inputs(pictures[some]))[0]
        return out

    def _forward(self, values: Floats) -> tuple[Floats, list[tuple[Floats, Floats]], Floats]:
        """Log odds; each layer's patches and answers; the inputs of the last sum."""
        kept: list[tuple[Floats, Floats]] = []
        for (seen, step, filters), weights, bias in zip(
            LAYERS, self.weights[:-1], self.biases[:-1], strict=True
        ):
            patches = _patches(values, seen, step)
            values = patches.reshape(-1, patches.shape[2]) @ weights + bias
            values = np.maximum(values, 0).reshape(len(patches), -1, filters)
            kept.append((patches, values))
        summed = np.concatenate([values.max(1), values.mean(1)], 1)
        return self._last(summed), kept, summed

    def _last(self, summed: Floats) -> Floats:
        return (summed @ self.weights[-1] + self.biases[-1])[:, 0]

    def slopes(self, values: Floats, is_fall: Floats, keep: Floats) -> list[Floats]:
        """Of the loss, for every weight and then every bias."""
        _, kept, summed = self._forward(values)
        summed = summed * keep
        odds = 1 / (1 + np.exp(-self._last(summed)))
        slope = ((odds - is_fall) / len(is_fall)).astype(np.float32)[:, None]
        of_weights = [_as_floats(summed.T @ slope)]
        of_biases = [_as_floats(slope.sum(0))]
        answers = kept[-1][1]
        back = _through_sums(answers, (slope @ self.weights[-1].T) * keep)
        for layer in range(len(LAYERS) - 1, -1, -1):
            patches, answers = kept[layer]
            back = (back * (answers > 0)).reshape(-1, answers.shape[2])
            of_weights.insert(0, _as_floats(patches.reshape(-1, patches.shape[2]).T @ back))
            of_biases.insert(0, _as_floats(back.sum(0)))
            if layer:
                back = _to_values(
                    back @ self.weights[layer].T, kept[layer - 1][1], *LAYERS[layer][:2]
                )
        return of_weights + of_biases


def learn(
    pictures: NDArray[np.uint8], is_fall: NDArray[Any], weight: NDArray[Any], steps: int, seed: int
) -> Network:
    """Adam over batches drawn by weight, with a rate that falls to nothing."""
    network = Network(seed)
    chance = np.random.default_rng(seed + 1)
    values = network.weights + network.biases
    first = [np.zeros_like(value) for value in values]
    second = [np.zeros_like(value) for value in values]
    ladder = np.cumsum(weight / weight.sum())
    for step in range(1, steps + 1):
        drawn = np.minimum(np.searchsorted(ladder, chance.random(_BATCH)), len(is_fall) - 1)
        keep = (chance.random((_BATCH, 2 * LAYERS[-1][2])) >= _DROP) / (1 - _DROP)
        slopes = network.slopes(
            _inputs(pictures[drawn]), is_fall[drawn].astype(np.float32), keep.astype(np.float32)
        )
        rate = _RATE * (1 + np.cos(np.pi * step / steps)) / 2
        for place, (value, slope) in enumerate(zip(values, slopes, strict=True)):
            first[place] += 0.1 * (slope - first[place])
            second[place] += 0.001 * (slope * slope - second[place])
            mean, power = first[place] / (1 - 0.9**step), second[place] / (1 - 0.999**step)
            pull = _DECAY * value if value.ndim == 2 else np.float32(0)
            value[:] = value - rate * (mean / (np.sqrt(power) + 1e-7) + pull)
    return network


def rounded(network: Network, pictures: NDArray[np.uint8], share: float) -> Rounded:
    """Whole numbers for the band: `share` of the log odds goes into the score, in its 1/32."""
    middle = np.tile(_MIDDLE / _UNIT, LAYERS[0][0])
    biases = [bias.astype(np.float64) for bias in network.biases]
    biases[0] = biases[0] - middle @ network.weights[0]
    values = pictures.astype(np.float32)
    scale = _UNIT
    packed: list[bytes] = []
    shifts: list[int] = []
    for layer, (seen, step, filters) in enumerate(LAYERS):
        grain = 127 / np.abs(network.weights[layer]).max()
        whole = np.rint(network.weights[layer] * grain)
        scale *= grain
        bias = np.rint(biases[layer] * scale)
        for filter_number in range(filters):
            packed.append(_pack(bias[filter_number], whole[:, filter_number]))
        patches = _patches(values, seen, step)
        sums = patches.reshape(-1, patches.shape[2]) @ whole.astype(np.float32) + bias
        top = float(np.quantile(sums, 0.9999))
        shift = max(0, int(np.ceil(np.log2(max(top, 1) / 255))))
        values = np.clip(np.floor(sums / 2**shift), 0, 255).astype(np.float32)
        values = values.reshape(len(patches), -1, filters)
        shifts.append(shift)
        scale /= 2**shift
    grain = 127 / np.abs(network.weights[-1]).max()
    packed.append(
        _pack(np.rint(biases[-1][0] * grain * scale), np.rint(network.weights[-1][:, 0] * grain))
    )
    return Rounded(b"".join(packed), shifts, round(share * 32 * 32768 / (grain * scale)))


def _pack(bias: float, weights: NDArray[Any]) -> bytes:
    return int(bias + 0x800000).to_bytes(3, "little") + (weights + 128).astype(np.uint8).tobytes()


def _as_floats(values: NDArray[Any]) -> Floats:
    return values.astype(np.float32)


def _inputs(pictures: NDArray[np.uint8]) -> Floats:
    return (pictures - _MIDDLE) / np.float32(_UNIT)


def _patches(values: Floats, seen: int, step: int) -> Floats:
    """Each place of a filter as one row: examples x places x (ticks x channels)."""
    values = np.ascontiguousarray(values)
    places = (values.shape[1] - seen) // step + 1
    a, b, c = values.strides
    shape = (len(values), places, seen, values.shape[2])
    windows = np.lib.stride_tricks.as_strided(values, shape, (a, b * step, b, c))
    return windows.reshape(len(values), places, -1)


def _through_sums(answers: Floats, slope: Floats) -> Floats:
    """The slope of each answer, of which the last sum sees the greatest and the mean."""
    filters = answers.shape[2]
    back = np.repeat(slope[:, None, filters:] / answers.shape[1], answers.shape[1], 1)
    top = answers.argmax(1)[:, None]
    np.put_along_axis(back, top, np.take_along_axis(back, top, 1) + slope[:, None, :filters], 1)
    return back


def _to_values(slope: Floats, values: Floats, seen: int, step: int) -> Floats:
    """The slope of each input, gathered from all patches that it stands in."""
    back = np.zeros_like(values)
    parts = slope.reshape(len(values), -1, seen, values.shape[2])
    places = parts.shape[1]
    for tick in range(seen):
        back[:, tick : tick + step * (places - 1) + 1 : step] += parts[:, :, tick]
    return back
