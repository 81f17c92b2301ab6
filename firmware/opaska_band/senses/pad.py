# SPDX-License-Identifier: Apache-2.0
# The capacitive pad: counts -> "there is skin". Levels are in thousandths of the count in air.
#
# A touch lasts for days, and sweat makes it stronger for hours, so no baseline can follow it. What
# is followed instead: the count in air, while the clasp is open; the level of this touch, slowly.
# Away is what falls below half of its touch, or close to air. Back is what rises well over
# the lowest level since: so a film of water that dries is no skin. A count that cannot be is none:
# a single one would be learnt for hours.

_ON = 100  # over air, or over the lowest level since
_OFF = 60
_HALF_PERCENT = 50  # of the touch
_SETTLE_MS = 5_000  # a level over air for so long is skin if the clasp is closed
_TOUCH_MS = 60_000  # time constants: of the touch,
_AIR_MS = 60_000  # of air upwards: temperature; more may be a hand,
_BELOW_MS = 10_000  # and downwards: nothing is less than air
_MOST_TIMES = 4  # the count in air: water gives less than twice as much
_SAME = 60  # looks with the very same count: noise does not repeat itself


class Pad:
    """Feed it every count, in order."""

    def __init__(self, air: int) -> None:
        self.air = air  # count in air
        self.is_stuck = False
        self.repeats = 0  # looks in a row with the very same count: soon it is stuck, or is not
        self._is_on = False
        self._touch = 0  # level of this touch
        self._lowest = -1  # since it went away; -1: nothing was measured yet
        self._over_ms = 0  # for so long it has been over air
        self._last = -1

    def feed(self, count: int, took_ms: int, is_open: bool) -> "bool | None":
        """Whether skin is there; None while the sensor tells nothing. `took_ms`: since the last
        one; `is_open`: the clasp, away from any charger."""
        self.repeats = self.repeats + 1 if count == self._last else 0
        self._last = count
        is_count = self.air // 2 < count < self.air * _MOST_TIMES
        self.is_stuck = not is_count or self.repeats >= _SAME
        if self.is_stuck:
            return None
        if count < self.air:
            self.air += _part(count - self.air, took_ms, _BELOW_MS)
        elif is_open and not self._is_on:
            self.air += _part(count - self.air, took_ms, _AIR_MS)
        level = (count - self.air) * 1000 // self.air
        if self._is_on:
            self._feel(level, took_ms)
        else:
            self._miss(level, took_ms, is_open)
        return self._is_on

    def _feel(self, level: int, took_ms: int) -> None:
        if level < max(_OFF, self._touch * _HALF_PERCENT // 100):
            self._is_on = False
            self._lowest = level
            self._over_ms = 0
        else:
            self._touch += _part(level - self._touch, took_ms, _TOUCH_MS)

    def _miss(self, level: int, took_ms: int, is_open: bool) -> None:
        self._lowest = level if self._lowest < 0 else min(self._lowest, max(level, 0))
        self._over_ms = self._over_ms + took_ms if level > _ON and not is_open else 0
        if level - self._lowest > _ON or self._over_ms >= _SETTLE_MS:
            self._is_on = True
            self._touch = level


def _part(of: int, took_ms: int, constant_ms: int) -> int:
    """What an exponential mean moves in that time."""
    return of * took_ms // (constant_ms + took_ms)
