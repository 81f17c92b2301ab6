# SPDX-License-Identifier: Apache-2.0
# Samples of acceleration -> somebody has knocked twice on the band, on an arm that is calm else.
#
# A knock is a bump: within 0.14 s some change from sample to sample is KNOCK_MG or
# more, and it has died down after that. A second without a bump, a knock, 0.15 to 0.7 s later
# one of like strength, a quarter of a second without: that is it. A third bump is applause, and a
# bump that does not die down is an arm that does something.
#
# Changes are the sums over the three axes, in mg; times are samples of 52 Hz. A tremor of 0.2 g at
# 6 Hz stays below CALM_MG. Figures: docs/visits.md.

RATE_HZ = 52
CALM_MG = 250
KNOCK_MG = 400

_BEFORE = 52
_BUMP = 7  # it rings on in the arm for so long
_SOONEST = 8  # from one knock to the next
_LATEST = 36
_AFTER = 13
_SHARE = 3  # what still rings after a bump is below this part of it
_ALIKE = 3  # times as strong one knock may be as the other


class Knock:
    """Feed it every sample, in order; after a gap in the samples call `forget` first."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The next sample has nothing to do with the last."""
        self._x: "int | None" = None
        self._y = self._z = 0
        self._calm = 0  # samples without a bump
        self._bumps = 0  # 0 to 2; the latest may still ring
        self._since = 0  # samples since it began
        self._top = self._first = 0  # strengths of the latest bump, and of the one before
        self._line = 0  # where the next bump begins; 0: the latest one was no knock

    @property
    def wait_ms(self) -> int:
        """For so long it is not decided whether what has begun is two knocks; 0: nothing has."""
        if not self._bumps:
            return 0
        last = _BUMP + _AFTER + (_LATEST if self._bumps == 1 else 0)
        return max(last - self._since, 1) * 1000 // RATE_HZ

    def feed(self, x_mg: int, y_mg: int, z_mg: int) -> bool:
        """Whether this sample is the end of two knocks."""
        if self._x is None:
            change = 0
        else:
            change = abs(x_mg - self._x) + abs(y_mg - self._y) + abs(z_mg - self._z)
        self._x = x_mg
        self._y = y_mg
        self._z = z_mg
        if self._bumps:
            return self._listen(change)
        if change < CALM_MG:
            self._calm += 1
            return False
        if self._calm >= _BEFORE:
            self._bumps, self._since, self._top = 1, 0, change
        self._calm = 0
        return False

    def _listen(self, change: int) -> bool:
        """During and after a bump."""
        self._since += 1
        since, top = self._since, self._top
        if since < _BUMP:
            self._top = max(top, change)
            return False
        if since == _BUMP:
            first = self._first if self._bumps == 2 else top
            is_knock = top >= KNOCK_MG and top <= _ALIKE * first and first <= _ALIKE * top
            self._line = max(CALM_MG, top // _SHARE) if is_knock else 0
        if change >= self._line:
            is_second = self._line and self._bumps == 1 and since >= _SOONEST
            self._bumps = 2 if is_second else 0
            self._first, self._top, self._since = top, change, 0
        elif self._bumps == 1 and since > _LATEST:
            self._bumps, self._calm = 0, since - _BUMP
        elif self._bumps == 2 and since >= _BUMP + _AFTER:
            self._bumps, self._calm = 0, _AFTER
            return True
        return False
