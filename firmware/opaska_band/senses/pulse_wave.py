# SPDX-License-Identifier: Apache-2.0
# One colour of light: counts of the oximeter -> its mean, and the wave that the pulse rides on.
#
# Twice the mean of a second is taken off, then three neighbours are summed: breathing and the slow
# drift of a finger go, the pulse from 33 to 190 beats a minute stays. The wave is 25 * 25 * 3
# times as large as in the counts, still below 2^30, and one second late.

from array import array

RATE_HZ = 25  # samples a second, of the chip after its averaging
SPAN = 100  # samples of a segment: four seconds
GAIN = RATE_HZ * RATE_HZ * 3
DELAY = 2 * RATE_HZ + 2  # samples after a gap that the wave is not yet true

_MIDDLE = RATE_HZ // 2


class Wave:
    """`feed` every count; after a gap `start`."""

    def __init__(self) -> None:
        self._raw = array("i", bytes(4 * RATE_HZ))  # the last second
        self._once = array("i", bytes(4 * RATE_HZ))  # likewise, the mean taken off once
        self._wave = array("i", bytes(4 * SPAN))  # the last segment
        self.start(0)

    def mean(self) -> int:
        """Of the last second, in counts."""
        return self._sum // RATE_HZ

    def start(self, count: int) -> None:
        """Begin anew, as if it had been so for ever."""
        for i in range(RATE_HZ):
            self._raw[i] = count
            self._once[i] = 0
        for i in range(SPAN):
            self._wave[i] = 0
        self._sum = RATE_HZ * count
        self._sum_once = 0
        self._at = 0  # in the rings of a second
        self._place = 0  # in the wave
        self._high = self._middle = 0  # the two values before, for the sum of three

    def feed(self, count: int) -> None:
        raw, once, at = self._raw, self._once, self._at
        self._sum += count - raw[at]
        raw[at] = count
        middle = at - _MIDDLE if at >= _MIDDLE else at - _MIDDLE + RATE_HZ
        value = RATE_HZ * raw[middle] - self._sum
        self._sum_once += value - once[at]
        once[at] = value
        value = RATE_HZ * once[middle] - self._sum_once
        self._wave[self._place] = self._high + self._middle + value
        self._high, self._middle = self._middle, value
        self._at = at + 1 if at + 1 < RATE_HZ else 0
        self._place = self._place + 1 if self._place + 1 < SPAN else 0

    def unroll(self, into: "array[int]") -> int:
        """The segment without its mean, oldest first, divided so that its squares can be summed
        below 2^30; by what it was divided."""
        wave, place = self._wave, self._place
        mean = sum(wave) // SPAN
        most = max(max(wave) - mean, mean - min(wave))
        divisor = most // 2048 + 1
        for i in range(SPAN):
            into[i] = (wave[place] - mean) // divisor
            place = place + 1 if place + 1 < SPAN else 0
        return divisor

    def product(self, other: "array[int]", divisor: int) -> int:
        """With another segment, as `unroll` would have it."""
        wave, place = self._wave, self._place
        mean = sum(wave) // SPAN
        total = 0
        for i in range(SPAN):
            total += (wave[place] - mean) // divisor * other[i]
            place = place + 1 if place + 1 < SPAN else 0
        return total
