# SPDX-License-Identifier: Apache-2.0
"""Reads what is kept of carers' visits in a stretch of time: touches, tests, what people said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opaska_gateway.care.touch import COUNTING, DAY_MS, marks, standing
from opaska_gateway.care.visit import LIMIT_MS, Touch, pair
from opaska_gateway.care.visit_marks import mark
from opaska_gateway.database.by_hand import between
from opaska_gateway.database.visit_queries import (
    FLOODS,
    NAMED,
    REPLAYED_READINGS,
    SAID,
    TESTS,
    TOUCHES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Select

    from opaska_gateway.care.by_hand import ByHand
    from opaska_gateway.care.visit import Visit

    Period = dict[str, int]  # from_ms, until_ms

AT_ONCE: Final = 500  # rows asked for by number in one query


@dataclass
class Book:
    """Visits, and the rows they come from."""

    visits: list[Visit] = field(default_factory=list)  # the earliest first
    by_hand: list[ByHand] = field(default_factory=list)  # likewise, also withdrawn ones
    rows: dict[int, Any] = field(default_factory=dict)  # touches, by the number of their event
    refused: list[tuple[Any, str]] = field(default_factory=list)  # touches that count not, and why
    floods: list[Any] = field(default_factory=list)  # of bands that say too much, how many
    tests: dict[int, Any] = field(default_factory=dict)  # by their own number
    said: dict[int, list[Any]] = field(default_factory=dict)  # corrections, by the touch

    def said_of(self, visit: Visit) -> list[Any]:
        """The corrections of one visit, in the order in which people made them."""
        rows = [row for one in visit.touches for row in self.said.get(one.event_id, ())]
        return sorted(rows, key=lambda row: int(row.id))

    def last_said(self, visit: Visit) -> dict[str, str]:
        """What was said last of each thing."""
        return {row.what: row.to_value for row in self.said_of(visit)}

    def is_withdrawn(self, visit: Visit) -> bool:
        """Whether somebody says that it was none."""
        return self.last_said(visit).get("withdrawn") == "1"


def read(connection: Connection, since_ms: int, until_ms: int, now_ms: int) -> Book:
    """The visits that began or ended between these times."""
    around = _whole_days(since_ms - LIMIT_MS, until_ms + LIMIT_MS)  # of what ended since then
    book = Book()
    book.rows = _touches(connection, around)
    touches: list[Touch] = []
    for row in book.rows.values():
        stands = standing(row.verdict, row.at_ms, row.revoked_ms)
        if stands in COUNTING:
            touches.append(_touch(row))
        elif since_ms <= row.at_ms <= until_ms:
            book.refused.append((row, stands))
    visits = pair(touches, now_ms)
    by_hand = between(connection, around["from_ms"], around["until_ms"])
    standing_ones = [one for one in by_hand if one.withdrawal is None]
    replayed = {(row.card, row.counter) for row in connection.execute(REPLAYED_READINGS, around)}
    mark(visits, replayed, standing_ones)
    book.by_hand = [one for one in by_hand if _touches_on(one, since_ms, until_ms)]
    book.visits = [one for one in visits if _touches_on(one, since_ms, until_ms)]
    book.floods = [
        row
        for row in connection.execute(FLOODS, around)
        if row.first_ms <= until_ms and row.last_ms >= since_ms
    ]
    _read_more(connection, book)
    return book


def _touches_on(visit: Visit | ByHand, since_ms: int, until_ms: int) -> bool:
    """Also when it is dated to end before it began."""
    first_ms, last_ms = sorted((visit.from_ms, visit.to_ms))
    return first_ms <= until_ms and last_ms >= since_ms


def _whole_days(from_ms: int, until_ms: int) -> Period:
    """A flood is told by its day, so days are read as a whole."""
    return {
        "from_ms": from_ms // DAY_MS * DAY_MS,
        "until_ms": (until_ms // DAY_MS + 1) * DAY_MS - 1,
    }


def _touches(connection: Connection, around: Period) -> dict[int, Any]:
    """Of this time, and the earlier beginnings that ends of this time name."""
    rows = connection.execute(TOUCHES, around).all()
    known = {(row.device_id, row.generation, row.boot, row.seq) for row in rows}
    named = {
        (row.device_id, row.generation, row.of_boot, row.of_seq)
        for row in rows
        if row.of_seq is not None
    }
    earlier: list[Any] = []
    for message in named - known:
        names = dict(zip(("device", "generation", "of_boot", "of_seq"), message, strict=True))
        earlier += connection.execute(NAMED, names | {"from_ms": around["from_ms"]})
    return {row.event_id: row for row in (*earlier, *rows)}


def _read_more(connection: Connection, book: Book) -> None:
    """What bands found out and people said at the touches of its visits."""
    numbers = [one.event_id for visit in book.visits for one in visit.touches]
    tests = [test for number in numbers if (test := book.rows[number].test_id) is not None]
    for row in _by_number(connection, TESTS, tests):
        book.tests[row.event_id] = row
    for row in _by_number(connection, SAID, numbers):
        book.said.setdefault(row.event_id, []).append(row)


def _by_number(connection: Connection, query: Select[Any], numbers: list[int]) -> Iterable[Any]:
    for start in range(0, len(numbers), AT_ONCE):
        yield from connection.execute(query, {"numbers": numbers[start : start + AT_ONCE]})


def _touch(row: Any) -> Touch:
    named = row.of_seq is not None
    return Touch(
        event_id=row.event_id,
        message=(row.device_id, row.generation, row.boot, row.seq),
        person_id=row.person_id,
        card=row.card,
        carer_id=row.carer_id,
        begins=bool(row.begins),
        of=(row.device_id, row.generation, row.of_boot, row.of_seq) if named else None,
        taps=row.taps,
        service=row.service,
        counter=row.counter,
        at_ms=row.at_ms,
        error_ms=row.occurred_error_ms,
        marks=marks(row.organisation_id, row.card_owner, row.received_ms, row.revoked_ms),
    )
