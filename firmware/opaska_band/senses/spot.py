# SPDX-License-Identifier: Apache-2.0
# One measurement of the pulse: as short as the light is good, two minutes at the most, and its
# best opinion.

from .pulse import RATE_HZ, PulseSense

LONGEST_S = 120
_GOOD_PERCENT = 80  # a quality that ends it


class Spot:
    """`feed` until it says that it is over; without a pulse `heart_rate_bpm` stays None."""

    __slots__ = ("_left", "_sense", "heart_rate_bpm", "quality_percent", "spo2_percent")

    def __init__(self, sense: PulseSense) -> None:
        self._sense = sense
        self._left = LONGEST_S * RATE_HZ
        self.heart_rate_bpm: "int | None" = None
        self.spo2_percent: "int | None" = None
        self.quality_percent = 0
        sense.forget()

    def feed(self, red: int, infrared: int) -> bool:
        """One pair of counts; whether it is over."""
        self._left -= 1
        sense = self._sense
        if sense.feed(red, infrared) and sense.quality_percent > self.quality_percent:
            self.quality_percent = sense.quality_percent
            self.heart_rate_bpm = sense.heart_rate_bpm
            self.spo2_percent = sense.spo2_percent
        return self._left <= 0 or self.quality_percent >= _GOOD_PERCENT
