# SPDX-License-Identifier: Apache-2.0
"""Lets go of what was kept long enough: the oldest first, a few rows at a time.

An event keeps its row for ever, without its body: by the row a recorded copy of the report is
known as a repeat. Alarms, what is in a case, faults and the audit keep all; visits all but the
place of one away from home, which is a position like others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import delete, func, select, true, update

from opaska_gateway.database.tables import event, refused_frame, wear_sighting
from opaska_protocol.reports import BOOT, HEARTBEAT, LINK_LOST, MOTION, POSITION, VITALS, WEAR

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection

AT_ONCE: Final = 200  # rows of one transaction: about a millisecond
WINDOW: Final = 2_000  # events that are looked at together; a reader looks, nobody waits


class Bodies(NamedTuple):
    """Bodies that go at the same age."""

    types: tuple[int, ...]
    of_cases_too: bool


EVERYDAY: Final = Bodies((BOOT, HEARTBEAT, LINK_LOST, POSITION, VITALS, WEAR), of_cases_too=False)
EVIDENCE: Final = Bodies((MOTION,), of_cases_too=True)


def drop_refused(connection: Connection, before_ms: int, most: int) -> int:
    """Forget refused frames of before, or beyond so many; how many. Their counts stay."""
    kept = connection.execute(select(func.count()).select_from(refused_frame)).scalar_one()
    oldest = _oldest(connection, refused_frame.c.id, refused_frame.c.received_ms)
    surplus = kept - most
    ids = [id_ for nth, (id_, at_ms) in enumerate(oldest) if at_ms < before_ms or nth < surplus]
    connection.execute(delete(refused_frame).where(refused_frame.c.id.in_(ids)))
    return len(ids)


def drop_wear(connection: Connection, before_ms: int) -> int:
    """Forget how bands were worn before; how many lines of the ledger."""
    oldest = _oldest(connection, wear_sighting.c.event_id, wear_sighting.c.at_ms)
    ids = [id_ for id_, at_ms in oldest if at_ms < before_ms]
    connection.execute(delete(wear_sighting).where(wear_sighting.c.event_id.in_(ids)))
    return len(ids)


def with_old_bodies(
    connection: Connection, which: Bodies, before_ms: int, after_id: int
) -> tuple[list[int], int]:
    """(events whose bodies are to go, the event up to which this is all); a reader's work.

    When the second is `after_id` again, there is nothing older to look at.
    """
    window = (
        select(event.c.id, event.c.received_ms)
        .where(event.c.id > after_id)
        .order_by(event.c.id)
        .limit(WINDOW)
    )
    old = [row.id for row in connection.execute(window) if row.received_ms < before_ms]
    if not old:
        return [], after_id
    query = (
        select(event.c.id)
        .where(event.c.id > after_id, event.c.id <= old[-1], event.c.received_ms < before_ms)
        .where(event.c.report_type.in_(which.types), event.c.body.is_not(None))
        .where(event.c.case_id.is_(None) if not which.of_cases_too else true())
    )
    return list(connection.execute(query).scalars()), old[-1]


def empty(connection: Connection, event_ids: list[int]) -> None:
    """Take the bodies of these events away."""
    kept = event.c.id.in_(event_ids)
    connection.execute(update(event).where(kept).values(body=None, body_form="clear"))


def _oldest(
    connection: Connection, number: Column[int], when: Column[int]
) -> list[tuple[int, int]]:
    """(number, when) of the first rows that were written."""
    query = select(number, when).order_by(number).limit(AT_ONCE)
    return [(row[0], row[1]) for row in connection.execute(query)]
