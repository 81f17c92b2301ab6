# SPDX-License-Identifier: Apache-2.0
# How much an impact looks like a fall: small trees over its numbers, and behind them a small
# convolution over its six seconds. Both are read in place from the bytes of fall_parameters.py.
#
# A score is in 1/32 of a natural logarithm of odds. Whole numbers below 2**30 only.

from .fall_features import LENGTH, Window, root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Learned(Protocol):
        """What training gives: fall_parameters.py."""

        @property
        def TREES(self) -> bytes: ...  # noqa: N802 - a module's constants

        @property
        def CONVOLUTION(self) -> bytes: ...  # noqa: N802

        @property
        def SHIFTS(self) -> "tuple[int, ...]":  # noqa: N802
            """Of each layer's sums, to bring them into a byte."""
            ...

        @property
        def SCALE(self) -> int:  # noqa: N802
            """Of the last sum, in 1/32768 of a score."""
            ...

        @property
        def HOPELESS(self) -> int:  # noqa: N802
            """A score of the trees below which the convolution is not asked."""
            ...

        @property
        def LINES(self) -> "tuple[int, ...]":  # noqa: N802
            """The least score of a fall, by profile."""
            ...


DEPTH = 4  # questions asked by a tree
NODES = 15
LEAVES = 16
TREE_BYTES = 3 * NODES + LEAVES  # which number, two bytes of threshold, then the leaves
CHANNELS = 4  # of the convolution's input
LAYERS = ((7, 2, 12), (5, 2, 16), (5, 2, 16))  # ticks seen, ticks moved on, filters
_BIAS_BYTES = 3
_TICKS = (LENGTH, 72, 34, 15)  # of the input and of each layer's output


class Model:
    """Scores windows; holds the room for what lies between input and score."""

    __slots__ = ("_layers", "_learned")

    def __init__(self, learned: "Learned") -> None:
        self._learned = learned
        self._layers = [bytearray(LENGTH * CHANNELS)]
        for i in range(len(LAYERS)):
            self._layers.append(bytearray(_TICKS[i + 1] * LAYERS[i][2]))

    def score(self, window: Window) -> int:
        """Of a measured window. What the trees find hopeless is not looked at again."""
        score = trees(window, self._learned.TREES)
        if score >= self._learned.HOPELESS:
            score += self.convolution(window)
        return score

    def draw(self, window: Window, pixels: bytearray) -> None:
        """Fill the convolution's input; training has it already."""
        picture(window, pixels)

    def convolution(self, window: Window) -> int:
        """The convolution's part of the score."""
        layers, learned = self._layers, self._learned
        self.draw(window, layers[0])
        at = 0
        channels = CHANNELS
        for i in range(len(LAYERS)):
            seen, step, filters = LAYERS[i]
            weights = seen * channels
            shape = weights, step * channels, filters
            _layer(layers[i], layers[i + 1], learned.CONVOLUTION, at, shape, learned.SHIFTS[i])
            at += filters * (weights + _BIAS_BYTES)
            channels = filters
        return _last(layers[-1], learned.CONVOLUTION, at, channels) * learned.SCALE >> 15


def trees(window: Window, data: bytes) -> int:
    """The trees' part of the score of a measured window."""
    numbers = window.numbers
    score = 0
    for tree in range(0, len(data), TREE_BYTES):
        node = 0
        for _ in range(DEPTH):
            at = tree + NODES + 2 * node
            line = data[at] + (data[at + 1] << 8) - 32768
            node = 2 * node + (2 if numbers[data[tree + node]] > line else 1)
        score += data[tree + 2 * NODES + node] - 128  # leaves follow: 3 * NODES + node - NODES
    return score


def picture(window: Window, pixels: bytearray) -> None:
    """What the convolution sees of each tick: size, jerk, direction against two gravities."""
    ax, ay, az = _gravity(window, 0)
    bx, by, bz = _gravity(window, LENGTH - 25)
    a = root(ax * ax + ay * ay + az * az) + 1
    b = root(bx * bx + by * by + bz * bz) + 1
    xs, ys, zs, size, jerk = window.x, window.y, window.z, window.size, window.jerk
    at = 0
    for i in range(LENGTH):
        x, y, z, g = xs[i], ys[i], zs[i], size[i]
        pixels[at] = min(g >> 4, 255)
        pixels[at + 1] = min(root(16 * jerk[i]), 255)
        pixels[at + 2] = 128 + (x * ax + y * ay + z * az) // a * 64 // (g + 64)
        pixels[at + 3] = 128 + (x * bx + y * by + z * bz) // b * 64 // (g + 64)
        at += CHANNELS


def _gravity(window: Window, start: int) -> "tuple[int, int, int]":
    """The mean acceleration of a second."""
    xs, ys, zs = window.x, window.y, window.z
    x = y = z = 0
    for i in range(start, start + 25):
        x += xs[i]
        y += ys[i]
        z += zs[i]
    return x // 25, y // 25, z // 25


def _layer(
    seen: bytearray,
    out: bytearray,
    data: bytes,
    at: int,
    shape: "tuple[int, int, int]",
    shift: int,
) -> None:
    """One layer. Weights are kept as bytes around 128, and each sum is put right once for it."""
    weights, step, filters = shape
    place = 0
    for start in range(0, len(out) // filters * step, step):
        total = 0
        for i in range(start, start + weights):
            total += seen[i]
        total <<= 7
        w = at
        for _ in range(filters):
            value = _bias(data, w) - total
            w += _BIAS_BYTES
            for i in range(start, start + weights):
                value += data[w] * seen[i]
                w += 1
            value >>= shift
            out[place] = 0 if value < 0 else 255 if value > 255 else value
            place += 1


def _bias(data: bytes, at: int) -> int:
    return data[at] + (data[at + 1] << 8) + (data[at + 2] << 16) - 0x800000


def _last(seen: bytearray, data: bytes, at: int, filters: int) -> int:
    """The last sum: over each filter's greatest and mean answer."""
    ticks = len(seen) // filters
    value = _bias(data, at)
    at += _BIAS_BYTES
    for i in range(filters):
        greatest = total = 0
        for place in range(i, len(seen), filters):
            total += seen[place]
            if seen[place] > greatest:
                greatest = seen[place]
        value += (data[at + i] - 128) * greatest
        value += (data[at + filters + i] - 128) * (total // ticks)
    return value
