# SPDX-License-Identifier: Apache-2.0
"""The strap: a conductor through it, a pad that feels skin, and what touches them.

The conductor goes to ground through the clasp, which 1 MOhm bridges; 220 kOhm pull it up. So an
open clasp (2.71 V) and a strap that was cut (3.3 V) differ. The pad's count is that of the
ESP32-S3: it rises with touch. Levels over air are those of a pad of 1 cm2 under 1 mm of silicone;
nobody has measured them on a band yet (hardware/BENCH.md).
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Loop = Literal["closed", "open", "cut"]
Fault = Literal["pad_stuck", "pad_silent"]

LOOP_UV: Final[dict[Loop, int]] = {
    "closed": 12_000,
    "open": 2_705_000,
    "cut": 3_100_000,  # all that the converter can say
}
LOOP_NOISE_UV: Final = 15_000
AIR_COUNT: Final = 30_000
NOISE_PERCENT: Final = 0.3  # of the count, one sigma


class Touch(NamedTuple):
    """What is on the pad: its level over air when settled, how fast that comes, how it ripples."""

    percent: float
    after_s: float  # time constant
    ripple_percent: float = 0.0
    is_skin: bool = False


TOUCHES: Final = {
    "air": Touch(0, 0.3),
    "table": Touch(2, 0.3),
    "hand": Touch(12, 0.3),  # somebody carries it
    "charger": Touch(3, 0.3, 1.5),  # metal near by, and a switching supply
    "skin": Touch(30, 0.3, is_skin=True),
    "cold": Touch(17, 5, is_skin=True),  # dry, and drawn back from the band
    "sleeve": Touch(14, 0.5),  # cloth has slipped between
    "glove": Touch(15, 0.5),  # its cuff has
    "sweat": Touch(45, 300, is_skin=True),
    "shower": Touch(75, 2, 8, is_skin=True),
    "wet": Touch(9, 1),  # taken off, with a film of water
    "dried": Touch(0, 90),  # which goes
}


class Strap:
    """`on_loop(level)` hears of each change of the digital pin: 1 when it is open or cut."""

    def __init__(
        self, now_ms: Callable[[], float], on_loop: Callable[[int], None], seed: int = 1
    ) -> None:
        self.loop: Loop = "closed"
        self.touch = "skin"
        self.contact = 1.0  # of the touch, while the arm swings
        self.air_count = AIR_COUNT
        self.fault: Fault | None = None
        self._now_ms = now_ms
        self._on_loop = on_loop
        # repeatable; the types are MicroPython's, and this runs on CPython
        self._noise = random.Random(seed)  # noqa: S311 # pyright: ignore[reportAttributeAccessIssue]
        self._from_percent = TOUCHES["skin"].percent
        self._since_ms = now_ms()
        self._stuck_at = AIR_COUNT
        on_loop(0)

    @property
    def is_on_skin(self) -> bool:
        """Whether light that leaves the band meets skin."""
        return TOUCHES[self.touch].is_skin

    def put(self, loop: Loop | None = None, touch: str | None = None) -> None:
        """Change the clasp, or what touches the pad."""
        if touch is not None:
            self._from_percent = self._level_percent()
            self._since_ms = self._now_ms()
            self.touch = touch
        if loop is not None:
            self.loop = loop
            self._on_loop(int(loop != "closed"))

    def loop_uv(self) -> int:
        """Voltage of the loop, as far as the converter reaches."""
        noise = round(self._noise.gauss(0, LOOP_NOISE_UV))
        return max(0, min(LOOP_UV[self.loop] + noise, LOOP_UV["cut"]))

    def pad_count(self) -> int:
        """One measurement of the touch sensor."""
        if self.fault == "pad_silent":
            return 0
        if self.fault == "pad_stuck":
            return self._stuck_at
        ripple = TOUCHES[self.touch].ripple_percent
        percent = self._level_percent() * self.contact
        percent += self._noise.gauss(0, math.sqrt(NOISE_PERCENT**2 + ripple**2))
        self._stuck_at = round(self.air_count * (1 + percent / 100))
        return self._stuck_at

    def _level_percent(self) -> float:
        touch = TOUCHES[self.touch]
        since_s = (self._now_ms() - self._since_ms) / 1000
        far = self._from_percent - touch.percent
        return touch.percent + far * math.exp(-since_s / touch.after_s)
