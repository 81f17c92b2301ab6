# SPDX-License-Identifier: Apache-2.0
"""What only shows when visits are laid beside each other; a human looks at it, nothing is refused.

Each goes once through the visits, however many a stolen band has made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_gateway.care.visit import ORDER, TOGETHER, TWICE, TWO_PLACES, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from opaska_gateway.care.visit import Touch

    Who = Callable[[Visit], bytes]

Reading = tuple[bytes, int]  # card, counter


def mark(visits: Sequence[Visit], replayed: Collection[Reading]) -> None:
    """Mark overlaps, and readings of cards that were presented twice or out of their order."""
    in_order = sorted(visits, key=lambda one: one.from_ms)
    _overlaps(in_order, TOGETHER, lambda one: one.first.wearer, lambda one: one.first.carer)
    known = [one for one in in_order if one.first.carer_id is not None]
    _overlaps(known, TWO_PLACES, lambda one: one.first.carer, lambda one: one.first.wearer)
    for visit in visits:
        readings = {(one.card, one.counter) for one in visit.touches if one.counter is not None}
        if not readings.isdisjoint(replayed):
            visit.marks.add(TWICE)
    _counters(visits)


class _Group:
    """Visits of one wearer, or of one carer. Those that go on at one time are of one only, or
    marked: so the two latest ends tell whether there is another."""

    def __init__(self) -> None:
        self._latest: dict[bytes, int] = {}  # ends by who, at most two
        self._alone: list[Visit] = []  # not marked

    def add(self, visit: Visit, who: bytes, mark: str, who_of: Who) -> None:
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


def _overlaps(visits: Iterable[Visit], mark: str, group_of: Who, who_of: Who) -> None:
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
