# SPDX-License-Identifier: Apache-2.0
# Whether a pulse or a saturation beyond the wearer's limits rings: when two measurements within
# half an hour are beyond the same limit and none between was not; again only after one that was
# well inside, so that a pulse that wavers about its limit rings once. Times in ms.

from opaska_protocol.reports import WHY_PULSE_HIGH, WHY_PULSE_LOW, WHY_SPO2_LOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SOUGHT_MS = 600_000  # so long a second measurement is sought at once
_DOUBT_MS = 1_800_000  # and so long it confirms the first one
_INSIDE_BPM = 5  # of its limit: what has rung is over
_INSIDE_PERCENT = 2
_FAR_INSIDE = -1_000  # of a limit that is off


class Limits:
    """Tell it every measurement that has a number. A limit of 0 is off."""

    def __init__(self) -> None:
        self.is_beyond = False  # the last measurement, any limit
        self._beyond_ms: "dict[int, int]" = {}  # WHY_... -> when a measurement was beyond it last
        self._rung = 0  # bits 1 << WHY_... of what has rung since

    def is_sought(self, now_ms: int) -> bool:
        """Whether another measurement should say soon if it is so."""
        for why, at_ms in self._beyond_ms.items():
            if not self._rung & 1 << why and now_ms - at_ms < _SOUGHT_MS:
                return True
        return False

    def look(self, now_ms: int, settings: "Any", bpm: int, spo2: "int | None") -> "list[int]":
        """Why it rings now, as alarms say it."""
        low, high, least = settings.hr_low, settings.hr_high, settings.spo2_low
        rings: "list[int]" = []
        self.is_beyond = False
        self._compare(WHY_PULSE_LOW, low - bpm if low else _FAR_INSIDE, now_ms, rings)
        self._compare(WHY_PULSE_HIGH, bpm - high if high else _FAR_INSIDE, now_ms, rings)
        if spo2 is not None:
            self._compare(WHY_SPO2_LOW, least - spo2 if least else _FAR_INSIDE, now_ms, rings)
        return rings

    def _compare(self, why: int, depth: int, now_ms: int, rings: "list[int]") -> None:
        """`depth`: so far beyond the limit; below 0 inside."""
        has_rung = self._rung & 1 << why
        inside = _INSIDE_PERCENT if why == WHY_SPO2_LOW else _INSIDE_BPM
        if depth <= (-inside if has_rung else 0):
            self._rung &= ~(1 << why)
            self._beyond_ms.pop(why, None)
            return
        before_ms = self._beyond_ms.get(why)
        self._beyond_ms[why] = now_ms
        self.is_beyond = True
        if not has_rung and before_ms is not None and now_ms - before_ms < _DOUBT_MS:
            self._rung |= 1 << why
            rings.append(why)
