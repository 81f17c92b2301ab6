# SPDX-License-Identifier: Apache-2.0
"""Hours on the wrist, by day: told from what bands said of themselves. Times in ms, UTC.

A band says how it is worn when that changes, and in every heartbeat. Between two sayings of one
boot that fit together it has been so; everything else is unknown, never worn: a band that is off,
restarts or is silent for hours, a report that is missing. Reports may come late and in any order.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from opaska_protocol import reports

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

# A band without coverage keeps a dozen heartbeats and its changes; for a longer silence of one
# that heartbeats every 20 minutes nobody vouches.
GAP_MS: Final = 3 * 3_600_000

# How it is worn, as the ledger counts it; of two bands the first one counts.
WORN: Final = "worn"
CHARGING: Final = "charging"
OFF: Final = "off"
KINDS: Final = (WORN, CHARGING, OFF)
UNKNOWN: Final = "unknown"

_KIND_OF: Final = {
    reports.WORN: WORN,
    reports.LOOSE: WORN,
    reports.TAKEN_OFF: OFF,
    reports.CUT: OFF,
    reports.CHARGING: CHARGING,
}
WORDS: Final = {
    reports.WORN: "worn",
    reports.LOOSE: "loose",
    reports.TAKEN_OFF: "taken off",
    reports.CUT: "cut",
    reports.CHARGING: "charging",
}  # of a state, for a human

Boot = tuple[bytes, int, int]  # device, generation, boot


class Sighting(NamedTuple):
    """What one report says. `since_ms` and `before` are of a change alone."""

    boot: Boot
    at_ms: int
    state: int
    since_ms: int | None = None
    before: int | None = None


class Span(NamedTuple):
    """It was so from then until then."""

    from_ms: int
    to_ms: int
    kind: str


class Day(NamedTuple):
    """Of one local day, as far as it has passed."""

    day: date
    worn_ms: int
    charging_ms: int
    off_ms: int
    unknown_ms: int


class _Point(NamedTuple):
    """How it was just before and just after."""

    boot: Boot
    at_ms: int
    left: str | None  # None = not said
    right: str | None


def spans(sightings: Iterable[Sighting]) -> list[Span]:
    """What is known, in pieces that do not touch unknown time."""
    points = sorted(
        (point for sighting in sightings for point in _points(sighting)),
        key=lambda point: (point.boot, point.at_ms),
    )
    found: list[Span] = []
    for one, next_ in pairwise(points):
        if one.boot != next_.boot or next_.at_ms - one.at_ms > GAP_MS:
            continue
        if one.right is not None and one.right == next_.left and one.at_ms < next_.at_ms:
            found.append(Span(one.at_ms, next_.at_ms, one.right))
    return found


def days(known: Sequence[Span], zone: ZoneInfo, first: date, now_ms: int) -> list[Day]:
    """Every local day from the first one until now. A day has 23 to 25 hours."""
    last = datetime.fromtimestamp(now_ms / 1000, zone).date()
    counted: list[Day] = []
    day = first
    while day <= last:
        begin_ms, end_ms = _midnight_ms(day, zone), _midnight_ms(day + timedelta(1), zone)
        counted.append(_day(day, known, begin_ms, min(end_ms, now_ms)))
        day += timedelta(1)
    return counted


def _points(sighting: Sighting) -> Iterator[_Point]:
    kind = _KIND_OF.get(sighting.state)
    if sighting.since_ms is not None:
        before = _KIND_OF.get(sighting.before or 0)
        yield _Point(sighting.boot, sighting.since_ms, before, kind)
    yield _Point(sighting.boot, sighting.at_ms, kind, kind)


def _day(day: date, known: Sequence[Span], begin_ms: int, end_ms: int) -> Day:
    inside = [
        Span(max(span.from_ms, begin_ms), min(span.to_ms, end_ms), span.kind)
        for span in known
        if span.from_ms < end_ms and span.to_ms > begin_ms
    ]
    edges = sorted({begin_ms, end_ms, *(edge for span in inside for edge in span[:2])})
    sums: dict[str, int] = dict.fromkeys((*KINDS, UNKNOWN), 0)
    for one_ms, next_ms in pairwise(edges):
        then = {span.kind for span in inside if span.from_ms <= one_ms < span.to_ms}
        kind = next((kind for kind in KINDS if kind in then), UNKNOWN)
        sums[kind] += next_ms - one_ms
    return Day(day, *(sums[kind] for kind in (*KINDS, UNKNOWN)))


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
