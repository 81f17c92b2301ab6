# SPDX-License-Identifier: Apache-2.0
"""Boosted trees over the band's whole numbers, in the form that the band reads.

Each tree asks four questions "is number f greater than t" and answers with one of sixteen whole
scores, in 1/32 of a natural logarithm of odds. Splits are found on at most 48 lines per number,
and the next tree starts from the rounded answers, so rounding costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opaska_band.senses.fall_model import DEPTH, LEAVES, NODES

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

SCALE = 32  # whole scores per unit of log odds
_LINES = 48
_RATE = 0.25
_PULL = 5.0  # keeps leaves of few examples near zero
_LEAST = 4.0  # weight of the examples on either side of a split
_ROWS = 0.5  # share of the examples that a tree sees
_COLUMNS = 0.4  # and of the numbers
_NEVER = 32767  # a line that no number is above: everything goes left


@dataclass
class Trees:
    """The trees, one row each."""

    number: Ints  # NODES: which number is asked about
    line: Ints  # NODES
    leaf: Ints  # LEAVES: the scores

    def score(self, numbers: NDArray[Any]) -> Ints:
        """The sum over all trees, as the band computes it."""
        total = np.zeros(len(numbers), np.int64)
        for tree in range(len(self.leaf)):
            total += self.leaf[tree][_walk(numbers, self.number[tree], self.line[tree])]
        return total

    def pack(self) -> bytes:
        """What the band reads."""
        parts: list[bytes] = []
        for tree in range(len(self.leaf)):
            parts.append(self.number[tree].astype(np.uint8).tobytes())
            parts.append((self.line[tree] + 32768).astype("<u2").tobytes())
            parts.append((self.leaf[tree] + 128).astype(np.uint8).tobytes())
        return b"".join(parts)


def grow(
    numbers: NDArray[Any], is_fall: NDArray[Any], weight: Floats, count: int, seed: int
) -> Trees:
    """Learn `count` trees."""
    chance = np.random.default_rng(seed)
    lines = [_lines(numbers[:, column]) for column in range(numbers.shape[1])]
    bins = np.empty(numbers.shape, np.int64)
    for column, line in enumerate(lines):
        bins[:, column] = np.searchsorted(line, numbers[:, column])
    score = np.zeros(len(numbers))
    trees = Trees(
        np.zeros((count, NODES), np.int64),
        np.full((count, NODES), _NEVER, np.int64),
        np.zeros((count, LEAVES), np.int64),
    )
    for tree in range(count):
        odds = 1 / (1 + np.exp(-score / SCALE))
        pull = weight * (is_fall - odds)
        bend = weight * odds * (1 - odds)
        rows = np.flatnonzero(chance.random(len(numbers)) < _ROWS)
        _grow_one(trees, tree, bins[rows], lines, pull[rows], bend[rows], chance)
        place = _walk(numbers, trees.number[tree], trees.line[tree])
        _fill_leaves(trees.leaf[tree], place[rows], pull[rows], bend[rows])
        score += trees.leaf[tree][place]
    return trees


def _lines(column: NDArray[Any]) -> Ints:
    """Between which values a split may lie: as many examples between one and the next."""
    quantiles = np.quantile(column, np.linspace(0, 1, _LINES + 1)[1:-1], method="lower")
    return np.unique(quantiles).astype(np.int64)


def _walk(numbers: NDArray[Any], number: Ints, line: Ints) -> Ints:
    """In which leaf each row ends."""
    node = np.zeros(len(numbers), np.int64)
    rows = np.arange(len(numbers))
    for _ in range(DEPTH):
        node = 2 * node + 1 + (numbers[rows, number[node]] > line[node])
    leaf: Ints = node - NODES
    return leaf


def _grow_one(
    trees: Trees,
    tree: int,
    bins: Ints,
    lines: list[Ints],
    pull: Floats,
    bend: Floats,
    chance: Generator,
) -> None:
    columns = np.sort(chance.permutation(bins.shape[1])[: int(bins.shape[1] * _COLUMNS)])
    flat = bins[:, columns] + _LINES * np.arange(len(columns))
    node = np.zeros(len(bins), np.int64)
    for start in (0, 1, 3, 7):
        right = np.zeros(len(bins), np.int64)
        for this in range(start, 2 * start + 1):
            rows = np.flatnonzero(node == this)
            found = _best_split(flat[rows], pull[rows], bend[rows], len(columns))
            if found is None:
                continue
            column, place = int(columns[found[0]]), found[1]
            if place < len(lines[column]):
                trees.number[tree, this] = column
                trees.line[tree, this] = lines[column][place]
                right[rows] = bins[rows, column] > place
        node = 2 * node + 1 + right


def _best_split(flat: Ints, pull: Floats, bend: Floats, columns: int) -> tuple[int, int] | None:
    """Column and bin of the split that explains most, if any does."""
    if not len(flat):
        return None
    each = flat.shape[1]
    size = _LINES * columns
    pulls = np.bincount(flat.ravel(), np.repeat(pull, each), size).reshape(columns, _LINES)
    bends = np.bincount(flat.ravel(), np.repeat(bend, each), size).reshape(columns, _LINES)
    left, left_bend = pulls.cumsum(1), bends.cumsum(1)
    all_pull, all_bend = pull.sum(), bend.sum()
    right, right_bend = all_pull - left, all_bend - left_bend
    gain = left**2 / (left_bend + _PULL) + right**2 / (right_bend + _PULL)
    gain -= all_pull**2 / (all_bend + _PULL)
    gain[(left_bend < _LEAST) | (right_bend < _LEAST)] = 0.0
    best = int(gain.argmax())
    if gain.flat[best] <= 1e-9:
        return None
    return divmod(best, _LINES)


def _fill_leaves(leaf: Ints, place: Ints, pull: Floats, bend: Floats) -> None:
    total = np.bincount(place, pull, LEAVES)
    curve = np.bincount(place, bend, LEAVES)
    leaf[:] = np.clip(np.rint(SCALE * _RATE * total / (curve + _PULL)), -127, 127)
