# SPDX-License-Identifier: Apache-2.0
"""When something happened, told from a band's uptime. All times in ms, UTC since 1970.

A band counts milliseconds since its boot. What it reported may have waited, so a report tells the
time of its boot only to "at the latest": received - uptime. The earliest of these estimates is the
best one (an anchor). A wall time that the band itself knew is better, since it has a known error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Source = Literal["band", "anchor", "arrival"]
# band     the report carries a wall time that the band knew, with its error
# anchor   told from another report of the same boot
# arrival  nothing better than: it happened before it was received

LATE_MS: Final = 120_000  # later than this is marked as late; a label, never a reason to refuse
DRIFT_PPM: Final = 500  # of the RC oscillator that keeps the time in light sleep; a crystal: 50
WORTH_MS: Final = 1_000  # an estimate that improves by less does not change what is stored


AHEAD_MS: Final = 60_000  # a band's wall time may be ahead of ours by this; more is wrong
MAX_ERROR_S: Final = 86_400  # a wall time that is less sure than a day says nothing


@dataclass(frozen=True, slots=True)
class Anchor:
    """When a boot began: `boot_ms` +- `error_ms`, or at the latest then if that is None."""

    boot_ms: int
    error_ms: int | None
    at_uptime_ms: int  # of the report that told it; drift counts from here

    def better_than(self, other: Anchor | None) -> bool:
        """Whether this one tells more: a known error beats none; then the closer bound."""
        if other is None:
            return True
        if self.error_ms is None:
            return other.error_ms is None and self.boot_ms <= other.boot_ms + drift_ms(self, other)
        return other.error_ms is None or self.error_ms <= other.error_ms + drift_ms(self, other)


@dataclass(frozen=True, slots=True)
class Occurred:
    """When it happened, how sure that is (None = no bound), and who says so."""

    at_ms: int
    error_ms: int | None
    source: Source


def anchor_of(received_ms: int, uptime_ms: int) -> Anchor:
    """What any report tells about the beginning of its boot."""
    return Anchor(received_ms - uptime_ms, None, uptime_ms)


def anchor_of_wall_time(
    received_ms: int, uptime_ms: int, unix_s: int, error_s: int, not_before_ms: int
) -> Anchor:
    """What a report with a wall time tells; a wall time that cannot be right is left aside."""
    at_ms = unix_s * 1000
    believable = (
        0 <= error_s <= MAX_ERROR_S
        and not_before_ms <= at_ms <= received_ms + AHEAD_MS + error_s * 1000
    )
    if not believable:
        return anchor_of(received_ms, uptime_ms)
    return Anchor(at_ms - uptime_ms, error_s * 1000 + 500, uptime_ms)


def occurred(received_ms: int, own: Anchor, best: Anchor, not_before_ms: int) -> Occurred:
    """When a report's event happened, from its own anchor and the best one of its boot.

    An uptime that tells of a time before `not_before_ms` is wrong and tells nothing.
    """
    if own.error_ms is not None:
        return Occurred(min(own.boot_ms + own.at_uptime_ms, received_ms), own.error_ms, "band")
    drift = drift_ms(own, best)
    if best.error_ms is None and own.boot_ms - best.boot_ms < WORTH_MS + drift:
        return Occurred(received_ms, None, "arrival")
    at_ms = min(best.boot_ms + own.at_uptime_ms, received_ms)  # it happened before we heard of it
    if at_ms < not_before_ms:
        return Occurred(received_ms, None, "arrival")
    error_ms = None if best.error_ms is None else best.error_ms + drift
    return Occurred(at_ms, error_ms, "anchor")


def drift_ms(one: Anchor, other: Anchor) -> int:
    """How far a band's clock may have strayed between two anchors of one boot."""
    return abs(one.at_uptime_ms - other.at_uptime_ms) * DRIFT_PPM // 1_000_000


def is_late(occurred_ms: int, now_ms: int) -> bool:
    """Whether a human who hears of it now should be told that it is not happening now."""
    return now_ms - occurred_ms > LATE_MS
