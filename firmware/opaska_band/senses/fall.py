# SPDX-License-Identifier: Apache-2.0
# Samples of acceleration -> "she fell", by the wrist alone. Samples in mg, times in samples.
#
# A gate looks at every sample: below GATE_MG nothing can be a fall. Above it an impact is noted,
# the strongest within 1.5 s; four seconds after it, when the arm has come to rest or has not, the
# six seconds around it are measured and scored (fall_features.py, fall_model.py).
#
# Samples come at any rate from 20 to 104 Hz and are brought to one of 25 Hz by straight lines, so
# what was learned holds for every sensor. There is no clock here: a band that slept drains its
# sensor, and the samples tell the time.

from array import array

from . import fall_parameters as _learned
from .fall_features import AFTER, LENGTH, TICK_HZ, Window, is_stuck, measure, root
from .fall_model import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fall_model import Learned

# Profiles: how readily an impact is called a fall.
CAREFUL = 1  # fewer alarms, more falls missed
STANDARD = 2
KEEN = 3  # fewer falls missed, more alarms

GATE_MG = 1500  # of 497 acted falls 8 stay below it, all in the set whose labels are in doubt
_GATE = GATE_MG * GATE_MG
_SAME_IMPACT = 38  # ticks: within 1.5 s only the strongest counts
_PENDING = 4  # impacts waiting for their decision, at most: AFTER / _SAME_IMPACT and one
_NONE = -1
_TOP = 18000  # mg on an axis; 16 g, a gain 5 % too high and an offset are still below
_STEP = TICK_HZ * 1000
_SURE = 256  # score above the line that counts as certain
_NO_FALL = -32768


class Fall:
    """A fall: how long ago the impact was, how hard, and how sure (50: just enough)."""

    __slots__ = ("ago_samples", "peak_mg", "score_percent")

    def __init__(self, ago_samples: int, peak_mg: int, score_percent: int) -> None:
        self.ago_samples = ago_samples
        self.peak_mg = peak_mg
        self.score_percent = score_percent


class FallSense:
    """Feed it every sample, in order; after a gap in the samples call `forget` first."""

    __slots__ = (
        "_above",
        "_line",
        "_lines",
        "_model",
        "_now",
        "_peak",
        "_pending",
        "_phase",
        "_place",
        "_rate_mhz",
        "_top",
        "_when",
        "_window",
        "_x",
        "_xs",
        "_y",
        "_ys",
        "_z",
        "_zs",
    )

    def __init__(
        self, rate_hz: float, profile: int = STANDARD, learned: "Learned" = _learned
    ) -> None:
        self._rate_mhz = int(rate_hz * 1000 + 0.5)
        self._lines = learned.LINES
        self.use_profile(profile)
        self._xs = array("h", bytes(2 * LENGTH))  # the last six seconds, a ring
        self._ys = array("h", bytes(2 * LENGTH))
        self._zs = array("h", bytes(2 * LENGTH))
        self._when = array("h", bytes(2 * _PENDING))  # ticks of waiting impacts, oldest first
        self._peak = array("i", bytes(4 * _PENDING))  # and their greatest squares
        self._window = Window()
        self._model = Model(learned)
        self.forget()

    def use_profile(self, profile: int) -> None:
        """From the next decision on."""
        self._line = self._lines[profile - CAREFUL]  # the least score of a fall

    @property
    def watching(self) -> bool:
        """Whether an impact waits for its decision."""
        return self._pending > 0

    @property
    def wait_ms(self) -> int:
        """For so long no sample can decide anything: whoever feeds may let them gather."""
        if not self._pending:
            return 0
        return (AFTER - 1 - self._now + self._when[0]) * 1000 // TICK_HZ

    def forget(self) -> None:
        """Begin anew: the next sample has nothing to do with the last."""
        self._place = _NONE  # in the ring, of the next tick; _NONE: no sample yet
        self._pending = 0  # impacts that wait
        self._now = 0  # ticks, from the last decision or from when nothing was pending
        self._phase = 0  # from the last tick, in _STEPs of a sample
        self._top = 0  # greatest square since the last tick
        self._above = True  # the gate opens on a rise; the first sample is none
        self._x = self._y = self._z = 0

    def feed(self, x_mg: int, y_mg: int, z_mg: int) -> "Fall | None":
        """One sample. A fall is told about four seconds after its impact."""
        square = x_mg * x_mg + y_mg * y_mg + z_mg * z_mg
        if square > self._top:
            self._top = square
        phase = self._phase + _STEP
        fall = None
        if phase >= self._rate_mhz:
            fall = self._ticks(x_mg, y_mg, z_mg, phase)
        else:
            self._phase = phase
        self._x = x_mg
        self._y = y_mg
        self._z = z_mg
        return fall

    def _ticks(self, x_mg: int, y_mg: int, z_mg: int, phase: int) -> "Fall | None":
        """One tick since the last sample, or two from a slow sensor, each between two samples."""
        if self._place < 0:
            self._begin(x_mg, y_mg, z_mg)
        dx, dy, dz = x_mg - self._x, y_mg - self._y, z_mg - self._z
        fall = None
        while phase >= self._rate_mhz:
            phase -= self._rate_mhz
            place = self._place
            self._xs[place] = _cut(x_mg - dx * phase // _STEP)
            self._ys[place] = _cut(y_mg - dy * phase // _STEP)
            self._zs[place] = _cut(z_mg - dz * phase // _STEP)
            place += 1
            self._place = place if place < LENGTH else 0
            if self._pending or self._above or self._top >= _GATE:
                fall = self._gate() or fall
            self._top = 0
        self._phase = phase
        return fall

    def _begin(self, x: int, y: int, z: int) -> None:
        """Take the first sample for what was before it."""
        for i in range(LENGTH):
            self._xs[i] = _cut(x)
            self._ys[i] = _cut(y)
            self._zs[i] = _cut(z)
        self._place = 0
        self._x, self._y, self._z = x, y, z

    def _gate(self) -> "Fall | None":
        """One tick while something is going on."""
        self._now += 1
        above = self._top >= _GATE
        if above:
            self._impact(min(self._top, 3 * _TOP * _TOP))
        self._above = above
        if not self._pending:
            self._now = 0
        elif self._now - self._when[0] == AFTER - 1:
            return self._decide()
        return None

    def _impact(self, square: int) -> None:
        """Note an impact, or a stronger one in the last one's place."""
        last = self._pending - 1
        if last >= 0 and self._now - self._when[last] <= _SAME_IMPACT:
            if square > self._peak[last]:
                self._when[last] = self._now
                self._peak[last] = square
        elif not self._above and self._pending < _PENDING:
            self._when[self._pending] = self._now
            self._peak[self._pending] = square
            self._pending += 1

    def _decide(self) -> "Fall | None":
        """The oldest impact has its six seconds."""
        peak_mg = root(self._peak[0])
        over = self._when[0]
        self._pending -= 1
        for i in range(self._pending):
            self._when[i] = self._when[i + 1] - over
            self._peak[i] = self._peak[i + 1]
        self._now -= over
        self._unroll()
        score = self.judge(self._window, peak_mg)
        if score < self._line:
            return None
        percent = min(50 + (score - self._line) * 50 // _SURE, 99)
        return Fall((AFTER - 1) * self._rate_mhz // _STEP, peak_mg, percent)

    def judge(self, window: Window, peak_mg: int) -> int:
        """The score of an impact; training listens here."""
        if is_stuck(window):
            return _NO_FALL
        measure(window, peak_mg)
        return self._model.score(window)

    def _unroll(self) -> None:
        """Copy the ring into the window, oldest first."""
        window, place = self._window, self._place
        for i in range(LENGTH):
            window.x[i] = self._xs[place]
            window.y[i] = self._ys[place]
            window.z[i] = self._zs[place]
            place = (place + 1) % LENGTH


def _cut(value: int) -> int:
    return -_TOP if value < -_TOP else _TOP if value > _TOP else value
