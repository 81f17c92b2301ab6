# SPDX-License-Identifier: Apache-2.0
# What the arm does, second by second, from acceleration alone: still, moving, or walking.
#
# Still: no axis changes by STILL_MG within the second; breathing and a pulse stay below, a gesture
# is above. Walking: |a| has repeated itself for four seconds at the pace of steps, and no blow was
# among them. It is a reason to believe that nothing has happened, so in doubt it is only moving.

from array import array

STILL_MG = 100  # peak to peak on each axis

# What the last whole second was.
STILL = "still"
MOVING = "moving"
WALKING = "walking"

# The rhythm is looked for in means of 1/13 s, 10 mg a unit, over four seconds.
_RHYTHM_HZ = 13
_UNIT_MG = 10
_KEPT = 52
_FASTEST = 5  # 0.38 s a step; from the fastest walk
_SLOWEST = 17  # 1.3 s; to the slowest, or to a stride of two steps
_LEAST = 4 * 4  # mean square: 40 mg rms, of a hand that holds a walking frame
_MOST = 50 * 50  # 500 mg rms is running, clapping or worse
_ALIKE_PERCENT = 65  # autocorrelation at the step's length
_SHORTER_PERCENT = 85  # of the best: a shorter lag that is so good is the true one
_BLOW_MG = 1_500  # over 1 g: no step shakes the wrist like this


class Stillness:
    """Feed it every sample in mg, in order."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._merged = max(rate_hz // _RHYTHM_HZ, 1)  # samples in one mean
        self._means = array("h", [0] * _KEPT)
        self.restart()

    def restart(self) -> None:
        """Samples are missing: nothing is known."""
        self.activity = MOVING
        self.still_s = 0  # whole seconds of stillness in a row, until now
        self.walking_s = 0  # likewise
        self._sum = self._summed = 0  # of |a| - 1 g in mg, for the next mean
        self._at = self._fresh = 0  # next place in _means, and how many are since the restart
        self._begin_second()

    def feed(self, x_mg: int, y_mg: int, z_mg: int) -> None:
        if x_mg < self._least_x:
            self._least_x = x_mg
        if x_mg > self._most_x:
            self._most_x = x_mg
        if y_mg < self._least_y:
            self._least_y = y_mg
        if y_mg > self._most_y:
            self._most_y = y_mg
        if z_mg < self._least_z:
            self._least_z = z_mg
        if z_mg > self._most_z:
            self._most_z = z_mg
        # near 1 g this is |a| - 1 g in mg, without a root
        over_mg = (x_mg * x_mg + y_mg * y_mg + z_mg * z_mg) // 2000 - 500
        if over_mg > _BLOW_MG:
            self._fresh = 0
        self._sum += over_mg
        self._summed += 1
        if self._summed == self._merged:
            self._keep_mean()
        self._left -= 1
        if not self._left:
            self._end_second()

    def _keep_mean(self) -> None:
        self._means[self._at] = min(self._sum // (self._summed * _UNIT_MG), 32_767)
        self._at = (self._at + 1) % _KEPT
        self._fresh += 1
        self._sum = self._summed = 0

    def _end_second(self) -> None:
        moved = max(
            self._most_x - self._least_x,
            self._most_y - self._least_y,
            self._most_z - self._least_z,
        )
        if moved < STILL_MG:
            self.activity = STILL
            self.still_s += 1
        else:
            self.activity = WALKING if self._is_rhythmic() else MOVING
            self.still_s = 0
        self.walking_s = self.walking_s + 1 if self.activity == WALKING else 0
        self._begin_second()

    def _begin_second(self) -> None:
        self._left = self._rate_hz
        self._least_x = self._least_y = self._least_z = 32_767
        self._most_x = self._most_y = self._most_z = -32_768

    def _is_rhythmic(self) -> bool:
        """Whether the last four seconds repeat themselves at the pace of steps."""
        if self._fresh < _KEPT:
            return False
        mean = sum(self._means) // _KEPT
        swings = [self._means[(self._at + i) % _KEPT] - mean for i in range(_KEPT)]
        power = sum([swing * swing for swing in swings])
        if not _LEAST <= power // _KEPT <= _MOST:
            return False
        return _FASTEST <= _period(swings, power) <= _SLOWEST


def _period(swings: "list[int]", power: int) -> int:
    """The lag at which it repeats itself best, or 0. The hump around lag 0 does not count."""
    best = found = 0
    in_hump = True
    for lag in range(1, _SLOWEST + 1):
        product = sum([swings[i] * swings[i + lag] for i in range(_KEPT - lag)])
        alike_percent = 100 * _KEPT * product // (power * (_KEPT - lag))
        in_hump = in_hump and alike_percent >= 0
        if lag == 1 and not in_hump:
            break  # above 3.3 Hz: a tremor, of which two or three swings would pass for a step
        is_alike = not in_hump and alike_percent >= _ALIKE_PERCENT
        if is_alike and alike_percent * _SHORTER_PERCENT > best * 100:
            best, found = alike_percent, lag
    return found
