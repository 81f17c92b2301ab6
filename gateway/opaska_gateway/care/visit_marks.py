# SPDX-License-Identifier: Apache-2.0
"""What only shows when visits are laid beside each other, also those that were noted by hand; a
human looks at it, nothing is refused.

Each goes once through the visits, however many a stolen band has made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.care.by_hand import TOLD_TWICE
from opaska_gateway.care.visit import ORDER, TOGETHER, TWICE, TWO_PLACES, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from opaska_gateway.care.by_hand import ByHand
    from opaska_gateway.care.visit import Touch

    Stay = Visit | ByHand
    Who = Callable[[Stay], bytes]

Reading = tuple[bytes, int]  # card, counter


def mark(
    visits: Sequence[Visit], replayed: Collection[Reading], by_hand: Sequence[ByHand] = ()
) -> None:
    """Mark overlaps, what is told twice, and readings of cards that were presented twice or out of
    their order."""
    stays: list[Stay] = sorted((*visits, *by_hand), key=lambda one: one.from_ms)
    _overlaps(stays, TOGETHER, lambda one: one.wearer, lambda one: one.carer)
    known = [one for one in stays if one.carer_id is not None]
    _overlaps(known, TWO_PLACES, lambda one: one.carer, lambda one: one.wearer)
    for visit in visits:
        readings = {(one.card, one.counter) for one in visit.touches if one.counter is not None}
        if not readings.isdisjoint(replayed):
            visit.marks.add(TWICE)
    _counters(visits)
    _told_twice(visits, by_hand)


def _told_twice(visits: Iterable[Visit], by_hand: Iterable[ByHand]) -> None:
    """The card's touches may come from an offline band when somebody has noted the visit."""
    of_both: dict[tuple[bytes, bytes], list[Visit]] = {}
    for visit in visits:
        of_both.setdefault((visit.wearer, visit.carer), []).append(visit)
    for one in by_hand:
        for visit in filter(one.is_same, of_both.get((one.wearer, one.carer), ())):
            visit.marks.add(TOLD_TWICE)
            one.marks.add(TOLD_TWICE)


class _Group:
    """Visits of one wearer, or of one carer. Those that go on at one time are of one only, or
    marked: so the two latest ends tell whether there is another."""

    def __init__(self) -> None:
        self._latest: dict[bytes, int] = {}  # ends by who, at most two
        self._alone: list[Stay] = []  # not marked

    def add(self, visit: Stay, who: bytes, mark: str, who_of: Who) -> None:
        """The visits come by their beginnings."""
        if any(one != who and to_ms > visit.from_ms for one, to_ms in self._latest.items()):
            visit.marks.add(mark)
            for other in self._alone:
                if who_of(other) != who and other.to_ms > visit.from_ms:
                    other.marks.add(mark)
            self._alone = []
        else:
            self._alone.append(visit)
        ends = {**self._latest, who: max(visit.to_ms, self._latest.get(who, 0))}
        latest = sorted(ends.items(), key=lambda one: one[1])[-2:]
        self._latest = dict(latest)


def _overlaps(visits: Iterable[Stay], mark: str, group_of: Who, who_of: Who) -> None:
    groups: dict[bytes, _Group] = {}
    for visit in visits:
        group = groups.setdefault(group_of(visit), _Group())
        group.add(visit, who_of(visit), mark, who_of)


def _counters(visits: Iterable[Visit]) -> None:
    """A card counts upwards: what was read later, beyond any doubt of times, has a higher one."""
    read: list[tuple[Touch, Visit]] = [
        (touch, visit) for visit in visits for touch in visit.touches if touch.counter is not None
    ]
    highest: dict[bytes, tuple[int, int]] = {}  # card: (counter, at the latest then)
    for touch, visit in sorted(read, key=lambda one: one[0].at_ms):
        counter, then_ms = highest.get(touch.card, (-1, 0))
        own = touch.counter or 0
        if touch.error_ms is not None and own < counter and touch.at_ms - touch.error_ms > then_ms:
            visit.marks.add(ORDER)
        if own > counter:
            highest[touch.card] = own, touch.at_ms + (touch.error_ms or 0)
