# SPDX-License-Identifier: Apache-2.0
# The evidence of a fall: acceleration in mg, from 10 s before the impact to 20 s after, at 26 Hz.
# The last ten seconds always roll; a mark lets it run to its end, where it stays to be read.

from array import array

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RATE_HZ = 26  # each row is the mean of two samples of 52 Hz

_BEFORE = const(260)  # rows
_AFTER = const(520)
_ROWS = const(780)  # both


class MotionWindow:
    """`put` every sample; `mark` an impact; when `is_full`, take the rows and `release`."""

    def __init__(self) -> None:
        self._ring = array("h", bytes(_ROWS * 6))
        self.release()

    def restart(self) -> None:
        """Samples are missing: what was marked keeps what it has, the rest is void."""
        if self._left is None:
            self.release()
        else:
            self._left = 0

    def release(self) -> None:
        """Roll again, from nothing."""
        self.count = 0  # rows that can be read
        self.impact = 0  # which of them is the impact
        self._left: "int | None" = None  # rows until the end; None: not marked
        self._at = 0  # where the next row goes
        self._half: "Any" = None  # the first sample of the next row

    @property
    def is_marked(self) -> bool:
        return self._left is not None

    @property
    def is_recording(self) -> bool:
        """Marked, and not yet at its end."""
        return bool(self._left)

    @property
    def is_full(self) -> bool:
        """At its end: nothing changes until `release`."""
        return self._left == 0

    def put(self, x_mg: int, y_mg: int, z_mg: int) -> None:
        if self._left == 0:
            return
        if self._half is None:
            self._half = (x_mg, y_mg, z_mg)
            return
        x, y, z = self._half
        self._half = None
        at = 3 * self._at
        self._ring[at] = (x + x_mg) // 2
        self._ring[at + 1] = (y + y_mg) // 2
        self._ring[at + 2] = (z + z_mg) // 2
        self._at = (self._at + 1) % _ROWS
        self.count = min(self.count + 1, _ROWS)
        if self._left is not None:
            self._left -= 1

    def mark(self, ago_samples: int) -> bool:
        """The impact was so many samples ago; False while an earlier one is not released."""
        if self._left is not None:
            return False
        ago = min(ago_samples // 2, self.count, _AFTER - 1)
        self.count = min(self.count, _BEFORE + ago)
        self.impact = self.count - ago
        self._left = _AFTER - ago
        return True

    def row(self, number: int) -> "tuple[int, int, int]":
        """x, y, z of a row, 0 being the oldest."""
        at = 3 * ((self._at - self.count + number) % _ROWS)
        return self._ring[at], self._ring[at + 1], self._ring[at + 2]
