# SPDX-License-Identifier: Apache-2.0
"""What touches of cards make of carers' visits. Touches are kept; visits are told from them anew
each time, so that one which comes days late, or is dated better, puts right what there was.

A touch begins or ends a visit, as the band has felt it to its carer. An end belongs to the
beginning that it names, whoever wears the band by then; without a name, to the open visit of its
card with this wearer. Beyond that:

- touches of one direction within a minute are one;
- touched three times at the door, begin, end and begin, each within a minute: the end was a slip;
- a beginning within a minute of the end of a longer visit is another visit, and both are marked:
  the carer touched once too often when leaving, or had forgotten the end of an earlier one;
- a beginning at another band of the same wearer goes on as well: the wearer was handed over;
- a band that begins anew, or 16 hours without an end: the end was forgotten;
- an end without its beginning stands for itself, until the beginning comes.

Carers may overlap with one wearer; the same carer at two wearers is marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# states
NONE: Final = "none"
OPEN: Final = "open"
ENDED: Final = "ended"
FORGOTTEN: Final = "forgotten"  # to be ended
UNBEGUN: Final = "unbegun"  # an end without a beginning

# events
BEGIN: Final = "begin"
END: Final = "end"
DOUBLED: Final = "doubled"  # said again within a minute
BAND_CHANGED: Final = "band_changed"  # begun again at another band
REOPEN: Final = "reopen"  # begun again within a minute of its end, and that of its beginning
ANEW: Final = "anew"  # its band knows nothing of it any more
LIMIT: Final = "limit"

# marks
CHANGED_BAND: Final = "band_changed"
SLIP: Final = "slip"
SHORT: Final = "short"
LONG: Final = "long"  # perhaps two, and the end of the first was forgotten
AT_ONCE: Final = "end_and_begin"  # one ended and another began within a minute
VAGUE: Final = "vague"  # it happened at the latest then
TIMES: Final = "times_disagree"  # it ended before it began
TOGETHER: Final = "two_carers"
TWO_PLACES: Final = "two_places"  # one carer at two wearers
TWICE: Final = "presented_twice"  # somebody else presented the same reading of the card
ORDER: Final = "counter_disagrees"  # an older reading of the card was presented later

TRANSITIONS: Final[Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]] = {
    (NONE, BEGIN): (OPEN, ()),
    (NONE, END): (UNBEGUN, ()),
    (OPEN, DOUBLED): (OPEN, ()),
    (OPEN, BAND_CHANGED): (OPEN, (CHANGED_BAND,)),
    (OPEN, END): (ENDED, ()),
    (OPEN, ANEW): (FORGOTTEN, ()),
    (OPEN, LIMIT): (FORGOTTEN, ()),
    (ENDED, DOUBLED): (ENDED, ()),
    (ENDED, REOPEN): (OPEN, (SLIP,)),
    (UNBEGUN, DOUBLED): (UNBEGUN, ()),
}

MINUTE_MS: Final = 60_000
SLIP_MS: Final = MINUTE_MS
LIMIT_MS: Final = 16 * 3_600_000  # as the band counts it
LONG_MS: Final = 8 * 3_600_000

Message = tuple[bytes, int, int, int]  # device, generation, boot, seq


@dataclass(frozen=True, slots=True)
class Touch:
    """One touch that counts."""

    event_id: int
    message: Message
    person_id: bytes | None  # who wore the band; None = nobody
    card: bytes
    carer_id: bytes | None  # None: an unknown card
    begins: bool
    of: Message | None  # the beginning that an end names
    taps: int
    service: int | None  # of the card
    counter: int | None  # of a card that proves its readings
    at_ms: int
    error_ms: int | None  # None: at the latest then
    marks: tuple[str, ...] = ()  # its own: care/touch.py

    @property
    def device_id(self) -> bytes:
        return self.message[0]

    @property
    def wearer(self) -> bytes:
        """Whom it is for; a band that nobody wears is for itself."""
        return self.person_id or self.device_id

    @property
    def carer(self) -> bytes:
        """Who it is; an unknown card is for itself."""
        return self.carer_id or self.card


@dataclass(slots=True)
class Visit:
    """One visit, as far as it is known."""

    state: str = NONE
    begin: Touch | None = None
    end: Touch | None = None
    touches: list[Touch] = field(default_factory=list)  # in order; all that belong to it
    marks: set[str] = field(default_factory=set)
    now_ms: int = 0  # for one that goes on

    @property
    def first(self) -> Touch:
        return self.touches[0]

    @property
    def id(self) -> int:
        """The number of its first touch."""
        return self.first.event_id

    @property
    def wearer(self) -> bytes:
        return self.first.wearer

    @property
    def carer(self) -> bytes:
        return self.first.carer

    @property
    def carer_id(self) -> bytes | None:
        return self.first.carer_id

    @property
    def from_ms(self) -> int:
        return self.first.at_ms

    @property
    def to_ms(self) -> int:
        """Its end; now, while it goes on. What is known at one end only has no length."""
        if self.state == OPEN:
            return self.now_ms
        return self.end.at_ms if self.end else self.from_ms

    @property
    def minutes(self) -> int | None:
        """How long it was, once that is known."""
        lasted_ms = self.to_ms - self.from_ms
        return round(lasted_ms / MINUTE_MS) if self.state == ENDED and lasted_ms >= 0 else None

    @property
    def service(self) -> int:
        """Of the card; else the number of taps, the latest that say something."""
        if self.first.service is not None:
            return self.first.service
        return next((one.taps for one in reversed(self.touches) if one.taps > 1), 1)

    def step(self, event: str) -> None:
        """KeyError for what cannot be."""
        self.state, marks = TRANSITIONS[self.state, event]
        self.marks.update(marks)


def pair(touches: Iterable[Touch], now_ms: int) -> list[Visit]:
    """The visits that these touches tell of, the earliest first."""
    book = _Book(touches)
    for visit in book.visits:
        _conclude(visit, now_ms)
    return book.visits


class _Book:
    """Goes through the touches once."""

    def __init__(self, touches: Iterable[Touch]) -> None:
        self.visits: list[Visit] = []
        self._last: dict[tuple[bytes, bytes], Visit] = {}  # by wearer and card
        self._of: dict[Message, Visit] = {}  # by each beginning
        all_ = list(touches)
        begun_ms = {one.message: one.at_ms for one in all_ if one.begins}
        for touch in sorted(all_, key=lambda one: _order(one, begun_ms)):
            self._take(touch)

    def _take(self, touch: Touch) -> None:
        known = self._known(touch)
        event = _event(touch, known) if known else None
        if known is None or event is None or event == ANEW:
            before, known = known, Visit()
            if before is not None and event == ANEW:
                before.step(ANEW)
            elif before is not None and touch.begins and _is_soon(touch, before):
                before.marks.add(AT_ONCE)
                known.marks.add(AT_ONCE)
            event = BEGIN if touch.begins else END
            self.visits.append(known)
        self._add(known, touch, event)

    def _known(self, touch: Touch) -> Visit | None:
        """The visit that a touch may belong to."""
        named = self._of.get(touch.of) if touch.of else None
        if named is not None and named.first.card == touch.card:
            return named
        return self._last.get((touch.wearer, touch.card))

    def _add(self, visit: Visit, touch: Touch, event: str) -> None:
        visit.step(event)
        visit.touches.append(touch)
        if touch.begins:
            self._of[touch.message] = visit
        if event == BEGIN:
            visit.begin = touch
        elif event == END:
            visit.end = touch
        elif event == REOPEN:
            visit.end = None
        self._last[touch.wearer, touch.card] = visit


def _order(touch: Touch, begun_ms: Mapping[Message, int]) -> tuple[int, bool, Message]:
    """No end stands before the beginning that it names, however badly it is dated."""
    begun = begun_ms.get(touch.of, touch.at_ms) if touch.of else touch.at_ms
    return max(touch.at_ms, begun), not touch.begins, touch.message


def _event(touch: Touch, visit: Visit) -> str | None:
    """What a touch is to a visit; None: it is a visit of its own."""
    last = visit.touches[-1]
    is_soon = _is_soon(touch, visit)
    is_due = touch.at_ms - visit.from_ms <= LIMIT_MS
    is_open = visit.state == OPEN
    same_band = touch.device_id == last.device_id
    if not touch.begins:
        if is_open:
            named = visit.begin is not None and touch.of == visit.begin.message
            return END if is_due or named else None
        return DOUBLED if is_soon and visit.state != FORGOTTEN else None
    if is_open:
        if is_soon:
            return DOUBLED
        return BAND_CHANGED if is_due and not same_band else ANEW
    was_short = visit.to_ms - visit.from_ms < SLIP_MS
    return REOPEN if visit.state == ENDED and is_soon and same_band and was_short else None


def _is_soon(touch: Touch, visit: Visit) -> bool:
    return touch.at_ms - visit.touches[-1].at_ms <= SLIP_MS


def _conclude(visit: Visit, now_ms: int) -> None:
    visit.now_ms = max(now_ms, visit.from_ms)
    if visit.state == OPEN and now_ms - visit.from_ms > LIMIT_MS:
        visit.step(LIMIT)
    lasted_ms = visit.to_ms - visit.from_ms
    is_whole = visit.state == ENDED
    said = {
        TIMES: is_whole and lasted_ms < 0,
        SHORT: is_whole and 0 <= lasted_ms < SLIP_MS,
        LONG: is_whole and lasted_ms > LONG_MS,
        VAGUE: any(one.error_ms is None for one in (visit.begin, visit.end) if one),
    }
    visit.marks.update(mark for mark, is_so in said.items() if is_so)
    visit.marks.update(mark for touch in visit.touches for mark in touch.marks)
