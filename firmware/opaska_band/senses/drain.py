# SPDX-License-Identifier: Apache-2.0
# How fast the cell empties, and so how long it will last: the middle one of three opinions, so
# that none of them alone can be wrong with consequences.
#
#   - the gauge's own rate, which follows an alarm at once and may be nonsense;
#   - the least of the latest three hours: neither an alarm nor a jump of the gauge lasts so long;
#   - the mean of the latest eight, without the worst of them.

from array import array

_HOUR_MS = 3_600_000
_HOURS = 8
_LATEST = 3
_ENOUGH = 2  # hours, for an opinion: one alone may be an alarm or a jump
_MOST_HOURS = 999


class Drain:
    """Charges are in 1/256 percent, rates in 1/256 percent an hour, positive while it empties."""

    def __init__(self) -> None:
        self._drops = array("H", bytes(2 * _HOURS))
        self._rate = 0  # the gauge's own
        self.forget()

    def forget(self) -> None:
        """It was charged, or the gauge was not to be believed."""
        self._count = 0  # hours that were seen
        self._begun_ms: "int | None" = None
        self._begun = 0  # the charge then

    def feed(self, now_ms: int, charge: int, rate: int) -> None:
        """At least every few minutes."""
        self._rate = max(rate, 0)
        if self._begun_ms is not None:
            took_ms = now_ms - self._begun_ms
            if took_ms < _HOUR_MS:
                return
            drop = (self._begun - charge) * _HOUR_MS // took_ms
            if drop >= 0:  # else the gauge has thought better of it
                self._drops[self._count % _HOURS] = min(drop, 0xFFFF)
                self._count += 1
        self._begun_ms, self._begun = now_ms, charge

    def hours_left(self, charge: int) -> "int | None":
        """None: it is too early to say."""
        count = self._count
        if count < _ENOUGH:
            return None
        kept = sorted(self._drops[: min(count, _HOURS)])[:-1]
        least = min([self._drops[at % _HOURS] for at in range(max(count - _LATEST, 0), count)])
        rate = sorted((self._rate, least, sum(kept) // len(kept)))[1]
        return min(charge // rate, _MOST_HOURS) if rate else _MOST_HOURS
