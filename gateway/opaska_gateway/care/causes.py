# SPDX-License-Identifier: Apache-2.0
"""Why a band is probably silent, from what it said before. A hint for who goes there, no proof.

The causes are asked in this order; the first that fits is named, with what speaks for it:

- it never spoke since it was assigned: in its box, or never charged;
- flat battery: its last words, a charge near zero, or its forecast has run out;
- taken off: that was the last it said of the wrist;
- usual dead spot: it was silent at this hour before, and came back;
- link lost: the broker missed it at once, so it vanished without a farewell;
- unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from opaska_protocol import reports

if TYPE_CHECKING:
    from collections.abc import Sequence

NEVER_HEARD: Final = "never_heard"
FLAT_BATTERY: Final = "flat_battery"
TAKEN_OFF: Final = "taken_off"
DEAD_SPOT: Final = "dead_spot"
LINK_LOST: Final = "link_lost"
UNKNOWN: Final = "unknown"
OUTAGE: Final = "outage"  # many at once; see care/outage.py

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
EMPTY_PERCENT: Final = 4  # gauges err by a few percent, most of all at the end
FORECAST_SLACK_MS: Final = 2 * HOUR_MS  # a forecast errs as well
SHORTEST_TREND_MS: Final = HOUR_MS  # less tells nothing: charge is told in whole percent
WEEKS: Final = 8  # of silences before that are looked at
TIMES_A_WEEK_HOUR: Final = 2  # at this hour of the week: her market day
TIMES_A_DAY_HOUR: Final = 3  # at this hour of the day: her cellar
NEAR_HOURS: Final = 1  # earlier or later
OFF: Final = {reports.TAKEN_OFF: "taken off", reports.CUT: "strap cut"}
DYING: Final = {reports.LAST_WORDS: "its last words", reports.BATTERY_CRITICAL: "said critical"}


class Charge(NamedTuple):
    """What a report said of the battery."""

    at_ms: int
    percent: int


class Cause(NamedTuple):
    """The likely one, and what speaks for it."""

    word: str
    detail: str


class Before(NamedTuple):
    """An earlier silence that ended by itself."""

    hour: int  # of the week
    days_ago: int  # 0: of the same day, perhaps of the same reason


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a silent band. Hours count from Monday 0:00 where its wearer lives."""

    now_ms: int
    last_word_ms: int | None
    charges: Sequence[Charge] = ()  # since it was last charged, oldest first
    hours_left: int | None = None  # by the band's own forecast, at its last word
    dying: int | None = None  # the code of a fault about its battery, since it was last charged
    wear: int | None = None
    link_lost: bool = False  # said by the broker, after the last word
    hour: int = 0  # of the week, at which it fell silent
    before: Sequence[Before] = ()  # when it fell silent, and came back


def likely_cause(known: Known) -> Cause:
    """The first that fits."""
    if known.last_word_ms is None:
        return Cause(NEVER_HEARD, "not a word since it was assigned")
    return (
        _flat_battery(known, known.last_word_ms)
        or _taken_off(known)
        or _dead_spot(known)
        or _link_lost(known)
        or Cause(UNKNOWN, _charge_text(known))
    )


def _flat_battery(known: Known, last_word_ms: int) -> Cause | None:
    if known.dying is not None:
        return Cause(FLAT_BATTERY, f"{DYING[known.dying]}; {_charge_text(known)}")
    if not known.charges:
        return None
    empty_ms = empty_at_ms(known.charges)
    if known.hours_left is not None:
        empty_ms = min(empty_ms or known.now_ms * 2, last_word_ms + known.hours_left * HOUR_MS)
    is_empty = known.charges[-1].percent <= EMPTY_PERCENT
    if is_empty or (empty_ms is not None and empty_ms <= known.now_ms + FORECAST_SLACK_MS):
        return Cause(FLAT_BATTERY, _charge_text(known))
    return None


def empty_at_ms(charges: Sequence[Charge]) -> int | None:
    """When the battery is empty if it goes on like this; None: nobody can tell."""
    first, last = charges[0], charges[-1]
    spent, took_ms = first.percent - last.percent, last.at_ms - first.at_ms
    if spent <= 0 or took_ms < SHORTEST_TREND_MS:
        return None
    return last.at_ms + last.percent * took_ms // spent


def _taken_off(known: Known) -> Cause | None:
    return Cause(TAKEN_OFF, OFF[known.wear]) if known.wear in OFF else None


def _dead_spot(known: Known) -> Cause | None:
    rules = ((7 * 24, TIMES_A_WEEK_HOUR, "the week"), (24, TIMES_A_DAY_HOUR, "the day"))
    for around, least, what in rules:
        days = {
            one.days_ago
            for one in known.before
            if one.days_ago and _near(one.hour % around, known.hour % around, around)
        }
        if len(days) >= least:
            how_often = f"{len(days)} times in {WEEKS} weeks"
            return Cause(DEAD_SPOT, f"silent at this hour of {what} {how_often}")
    return None


def _near(hour: int, other: int, around: int) -> bool:
    apart = abs(hour - other)
    return min(apart, around - apart) <= NEAR_HOURS


def _link_lost(known: Known) -> Cause | None:
    return (
        Cause(LINK_LOST, f"vanished at once; {_charge_text(known)}") if known.link_lost else None
    )


def _charge_text(known: Known) -> str:
    if not known.charges:
        return "battery not known"
    age_min = (known.now_ms - known.charges[-1].at_ms) // MINUTE_MS
    return f"battery {known.charges[-1].percent} % {age_min} min ago"
