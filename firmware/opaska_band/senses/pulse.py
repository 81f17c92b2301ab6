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

# Saturation in half percents at a ratio of ratios of 0.4, 0.5 and so on. Orientation values,
# measured on no band: 94.845 + 30.354 R - 45.060 R^2 of Maxim's reference design MAXREFDES117.
CALIBRATION = bytes((200, 198, 194, 188, 181, 171, 160, 147, 133))
CALIBRATED_FROM = 400  # 1/1000
CALIBRATED_STEP = 100

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
_SAME = 90_000  # of 1,000,000, squared correlation of the colours where there can be a pulse
_SAME_CLEAR = 490_000  # and in a segment whose saturation counts
_CLEAR = 600  # likeness of a segment whose saturation counts
_CLEAR_ENOUGH = 6  # such segments
_SPREAD_PERCENT = 15  # mean deviation of the ratio from its mean

LONGEST_S = 120  # of a measurement; its best opinion counts
GOOD_PERCENT = 80  # a quality that ends it


class PulseSense:
    """Feed it every pair of counts; after a gap call `forget`."""

    def __init__(self) -> None:
        self._red = Wave()
        self._infrared = Wave()
        self._wave = array("h", bytes(2 * SPAN))
        self._likeness = array("i", bytes(4 * _LAGS))  # mean by lag, _FINE * 1000 is alike
        self.contact = False  # light comes back from skin
        self.ratio = 0  # of the last segment, in 1/1000; 0: it was not clear enough
        self.begin()

    def begin(self) -> None:
        """A measurement: `best` will be the best opinion in it."""
        self.best: "tuple[int, int | None, int | None]" = (0, None, None)  # quality, rate, SpO2
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
        red, mean = self._red, self._infrared.mean()
        divisor_red = red.unroll(wave)
        power_red = red.product(wave, divisor_red)
        divisor = self._infrared.unroll(wave)
        power = self._infrared.product(wave, divisor)
        both = max(red.product(wave, divisor_red), 0)
        same = both // (power // 1000 + 1) * (both // (power_red // 1000 + 1))
        height = divisor * 2048 // GAIN * 10_000 // mean
        is_wave = _LEAST_WAVE <= height <= _MOST_WAVE and same >= _SAME
        self._power = power if is_wave else 0  # 0: alike to nothing
        self._early = self._late = self._power
        self._alike = 0  # the best of the segment
        slope = both // (power // 1000 + 1) * divisor_red // divisor
        self._slope = slope * (mean * 256 // red.mean()) // 256 if same >= _SAME_CLEAR else 0
        if not self.segments:
            for lag in range(_LAGS):
                self._likeness[lag] = 0
        self.segments = min(self.segments + 1, _MEMORY)
        self._lag = 1

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
            if alike > self._alike and _SHORTEST <= lag <= _LONGEST:
                self._alike = alike
            self._likeness[lag] += (alike * _FINE - self._likeness[lag]) // self.segments
        self._lag = lag + 1 if lag + 1 < _LAGS else 0
        if self._lag:
            return False
        self.ratio = self._slope if self._alike >= _CLEAR else 0
        if self.ratio:
            self._clear = min(self._clear + 1, _MEMORY)
            self._ratio += (self.ratio - self._ratio) // self._clear
            self._spread += (abs(self.ratio - self._ratio) - self._spread) // self._clear
        self._conclude()
        return True

    def _conclude(self) -> None:
        """The numbers, if they are good enough."""
        likeness = self._likeness
        lag = _beat(likeness)
        quality = likeness[lag] // _FINE * min(self.segments, _ENOUGH) // (10 * _ENOUGH)
        self.quality_percent = quality
        self.heart_rate_bpm = self.spo2_percent = None
        if quality < _ACCEPTED_PERCENT:
            return
        # the top of the parabola through the peak and its neighbours
        before, top, after = likeness[lag - 1], likeness[lag], likeness[lag + 1]
        lag = 256 * lag + 128 * (after - before) // (2 * top - before - after)
        self.heart_rate_bpm = (60 * RATE_HZ * 256 + lag // 2) // lag
        is_even = self._spread <= self._ratio * _SPREAD_PERCENT // 100
        if self._clear >= _CLEAR_ENOUGH and is_even:
            self.spo2_percent = saturation_percent(self._ratio)
        if quality > self.best[0]:
            self.best = (quality, self.heart_rate_bpm, self.spo2_percent)


def saturation_percent(ratio: int) -> "int | None":
    """By the table, on straight lines; nothing beyond its end."""
    place, rest = divmod(max(ratio - CALIBRATED_FROM, 0), CALIBRATED_STEP)
    if place >= len(CALIBRATION) - 1:
        return None
    fall = CALIBRATION[place] - CALIBRATION[place + 1]
    return (CALIBRATION[place] * CALIBRATED_STEP - fall * rest + CALIBRATED_STEP) // (
        2 * CALIBRATED_STEP
    )


def _beat(likeness: "Sequence[int]") -> int:
    """The lag of the beat: a peak, and the first that is nearly as high as the highest; or 0,
    where there is never any likeness."""
    highest = 0
    for share in (100, _SHORTER_PERCENT):
        for lag in range(_SHORTEST, _LONGEST + 1):
            value = likeness[lag]
            if likeness[lag - 1] <= value > likeness[lag + 1] and value > 0:
                if share < 100 and value * 100 >= highest * share:
                    return lag
                highest = max(highest, value)
    return 0
