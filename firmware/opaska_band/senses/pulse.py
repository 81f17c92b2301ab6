# SPDX-License-Identifier: Apache-2.0
# Red and infrared light -> heart rate and saturation, or nothing: the quality comes first.
#
# Every two seconds the last four are a segment. How well it repeats itself after each possible
# beat (its autocorrelation) is averaged over about a minute: a pulse stays, noise and single jerks
# average out. The rate is the shortest beat that is nearly as good as the best. Saturation is the
# ratio of the two colours' relative waves, looked up in a table.
#
# No number without light that comes back from skin, a wave of a plausible size, the same wave in
# both colours, enough segments and enough likeness. A rhythmic movement looks like a pulse: who
# feeds knows of movements from the accelerometer and calls `disturb`.

from array import array

from .pulse_wave import DELAY, GAIN, RATE_HZ, SPAN, Wave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

__all__ = ["CALIBRATION", "RATE_HZ", "PulseSense"]

# (ratio of ratios in 1/1000, saturation in 1/10 %). Orientation values, measured on no band:
# points of 94.845 + 30.354 R - 45.060 R^2, the curve of Maxim's reference design MAXREFDES117.
CALIBRATION = (
    (400, 998),
    (500, 988),
    (600, 968),
    (700, 940),
    (800, 903),
    (900, 857),
    (1000, 801),
    (1100, 737),
    (1200, 664),
)

SKIN_COUNTS = 20_000  # infrared that skin gives back at the driver's current; air gives 1,000
_TOP_COUNTS = 260_000  # of 262,143: above, the light is cut off
_SHORTEST = 8  # samples between two beats: 188 a minute
_LONGEST = 45  # 33 a minute
_LAGS = _LONGEST + 2
_HOP = 50  # samples from segment to segment
_MEMORY = 60  # segments, two minutes: how many the mean goes back
_ENOUGH = 20  # segments, 42 s of signal, that are full evidence
_FINE = 64  # of the mean's 1/1000
_ACCEPTED_PERCENT = 54  # the least quality of a number, see docs/vitals.md
_SHORTER_PERCENT = 65  # of the best: a shorter beat that is so good is the true one
_LEAST_WAVE = 3  # 1/10,000 of the light, half of the wave's height
_MOST_WAVE = 600
_SAME = 300  # of 1000, correlation of the two colours in a segment that can be a pulse
_SAME_CLEAR = 700  # and in one whose saturation counts
_CLEAR = 600  # likeness of a segment whose saturation counts
_CLEAR_ENOUGH = 6  # such segments
_SPREAD_PERCENT = 15  # mean deviation of the ratio from its mean


class PulseSense:
    """Feed it every pair of counts; after a gap call `forget`."""

    __slots__ = (
        "_best",
        "_clear",
        "_early",
        "_infrared",
        "_lag",
        "_late",
        "_left",
        "_likeness",
        "_power",
        "_ratio",
        "_red",
        "_slope",
        "_spread",
        "_wave",
        "_wave_red",
        "contact",
        "disturbed",
        "heart_rate_bpm",
        "quality_percent",
        "segments",
        "spo2_percent",
    )

    def __init__(self) -> None:
        self._red = Wave()
        self._infrared = Wave()
        self._wave = array("h", bytes(2 * SPAN))
        self._wave_red = array("h", bytes(2 * SPAN))
        self._likeness = array("i", bytes(4 * _LAGS))  # mean by lag, _FINE * 1000 is alike
        self.contact = False  # light comes back from skin
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.segments = 0  # in the mean
        self.disturbed = False  # since the last segment
        self.heart_rate_bpm: "int | None" = None
        self.spo2_percent: "int | None" = None
        self.quality_percent = 0
        self._left = -1  # samples to the next segment; -1: none yet
        self._lag = 0  # of the segment that is being compared; 0: none is
        self._clear = 0  # segments in the ratio
        self._ratio = self._spread = 0  # means, in 1/1000

    def disturb(self) -> None:
        """Something moved: what is being fed does not count."""
        self.disturbed = True

    def feed(self, red: int, infrared: int) -> bool:
        """One pair of counts; whether there is a new opinion."""
        if not (SKIN_COUNTS <= infrared < _TOP_COUNTS and 0 < red < _TOP_COUNTS):
            changed = self.contact
            self.contact = False
            self.forget()
            return changed
        self.contact = True
        if self._left < 0:
            self._red.start(red)
            self._infrared.start(infrared)
            self._left = DELAY + SPAN
        self._red.feed(red)
        self._infrared.feed(infrared)
        is_done = self._lag > 0 and self._compare()
        self._left -= 1
        if not self._left:
            self._left = _HOP
            self._begin()
        return is_done

    def _begin(self) -> None:
        """A segment is whole. It is compared with itself lag by lag, one with each sample that
        comes: nobody waits for all of them."""
        disturbed, self.disturbed = self.disturbed, False
        if disturbed:
            self._left = SPAN + DELAY  # it would be in the next segments too
            return
        wave = self._wave
        divisor = self._infrared.unroll(wave)
        is_wave = self._is_plausible(divisor)
        divisor_red = self._red.unroll(self._wave_red)
        power = _product(wave, wave)
        both = _product(wave, self._wave_red)
        same = _cosine(both, power, _product(self._wave_red, self._wave_red))
        self._power = power if is_wave and same >= _SAME else 0  # 0: alike to nothing
        self._early = self._late = self._power
        self._best = 0
        self._slope = 0
        if same >= _SAME_CLEAR:
            slope = both // (power // 1000 + 1) * divisor_red // divisor
            self._slope = slope * (self._infrared.mean * 256 // self._red.mean) // 256
        if not self.segments:
            for lag in range(_LAGS):
                self._likeness[lag] = 0
        self.segments = min(self.segments + 1, _MEMORY)
        self._lag = 1

    def _is_plausible(self, divisor: int) -> bool:
        """Whether the wave's height is that of a pulse."""
        height = divisor * 2048 // GAIN * 10_000 // self._infrared.mean
        return _LEAST_WAVE <= height <= _MOST_WAVE

    def _compare(self) -> bool:
        """Into the mean how alike the segment is to itself after the next lag; whether it was the
        last one."""
        wave, lag = self._wave, self._lag
        self._early -= wave[SPAN - lag] * wave[SPAN - lag]
        self._late -= wave[lag - 1] * wave[lag - 1]
        if lag >= _SHORTEST - 1:
            alike = 0
            if self._power:
                for i in range(lag, SPAN):
                    alike += wave[i] * wave[i - lag]
                alike //= (self._early + self._late) // 2000 + 1
            if alike > self._best and _SHORTEST <= lag <= _LONGEST:
                self._best = alike
            self._likeness[lag] += (alike * _FINE - self._likeness[lag]) // self.segments
        self._lag = lag + 1 if lag + 1 < _LAGS else 0
        if self._lag:
            return False
        if self._best >= _CLEAR and self._slope:
            self._take_ratio(self._slope)
        self._conclude()
        return True

    def _take_ratio(self, ratio: int) -> None:
        """Of the relative waves, red to infrared, in one segment."""
        self._clear = min(self._clear + 1, _MEMORY)
        self._ratio += (ratio - self._ratio) // self._clear
        self._spread += (abs(ratio - self._ratio) - self._spread) // self._clear

    def _conclude(self) -> None:
        """The numbers, if they are good enough."""
        likeness = self._likeness
        lag = _beat(likeness)
        alike = likeness[lag] // _FINE if lag else 0
        self.quality_percent = max(alike, 0) * min(self.segments, _ENOUGH) // (10 * _ENOUGH)
        self.heart_rate_bpm = self.spo2_percent = None
        if self.quality_percent < _ACCEPTED_PERCENT:
            return
        self.heart_rate_bpm = _rate_bpm(likeness, lag)
        spread_allowed = self._ratio * _SPREAD_PERCENT // 100
        if self._clear >= _CLEAR_ENOUGH and self._spread <= spread_allowed:
            self.spo2_percent = saturation_percent(self._ratio)


def saturation_percent(ratio: int) -> "int | None":
    """By the table, on straight lines; nothing beyond its end."""
    before = CALIBRATION[0]
    if ratio <= before[0]:
        return (before[1] + 5) // 10
    for point in CALIBRATION:
        if ratio <= point[0]:
            rise = (point[1] - before[1]) * (ratio - before[0]) // (point[0] - before[0])
            return (before[1] + rise + 5) // 10
        before = point
    return None


def _product(one: "array[int]", other: "array[int]") -> int:
    total = 0
    for i in range(SPAN):
        total += one[i] * other[i]
    return total


def _cosine(product: int, one: int, other: int) -> int:
    """In 1/1000, from the squares of the lengths."""
    if product <= 0:
        return 0
    least, most = min(one, other), max(one, other)
    share = product // (most // 1000 + 1)
    return _root(share * (product // (least // 1000 + 1)))


def _root(square: int) -> int:
    root = square
    better = (square + 1) // 2
    while better < root:
        root = better
        better = (root + square // root) // 2
    return root


def _beat(likeness: "Sequence[int]") -> int:
    """The lag of the beat, or 0: a peak, and the first that is nearly as high as the highest."""
    highest = 0
    for lag in range(_SHORTEST, _LONGEST + 1):
        if likeness[lag] > highest and _is_peak(likeness, lag):
            highest = likeness[lag]
    if highest:
        for lag in range(_SHORTEST, _LONGEST + 1):
            if likeness[lag] * 100 >= highest * _SHORTER_PERCENT and _is_peak(likeness, lag):
                return lag
    return 0


def _is_peak(likeness: "Sequence[int]", lag: int) -> bool:
    return likeness[lag - 1] <= likeness[lag] > likeness[lag + 1]


def _rate_bpm(likeness: "Sequence[int]", lag: int) -> int:
    """From the top of the parabola through the peak and its neighbours."""
    before, top, after = likeness[lag - 1], likeness[lag], likeness[lag + 1]
    bend = 2 * (2 * top - before - after)
    lag_256 = 256 * lag + 256 * (after - before) // bend
    return (60 * RATE_HZ * 256 + lag_256 // 2) // lag_256
