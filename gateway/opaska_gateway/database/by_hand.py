# SPDX-License-Identifier: Apache-2.0
"""Keeps visits that were noted by hand; a withdrawal is a row beside, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from opaska_gateway.care.by_hand import LONGEST_MS, ByHand, Withdrawal
from opaska_gateway.care.touch import OTHERS
from opaska_gateway.database.by_hand_tables import by_hand_withdrawal, visit_by_hand
from opaska_gateway.database.visit_tables import carer

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FIELDS: Final = (
    "organisation_id",
    "person_id",
    "carer_id",
    "service",
    "from_ms",
    "to_ms",
    "away",
    "planned_id",
    "sealed",
    "said_by",
    "said_ms",
)
_ALL = (
    select(
        visit_by_hand,
        carer.c.organisation_id.label("carer_owner"),
        by_hand_withdrawal.c.sealed.label("withdrawn_sealed"),
        by_hand_withdrawal.c.said_by.label("withdrawn_by"),
        by_hand_withdrawal.c.said_ms.label("withdrawn_ms"),
    )
    .join(carer, visit_by_hand.c.carer_id == carer.c.id)
    .outerjoin(by_hand_withdrawal, by_hand_withdrawal.c.visit_id == visit_by_hand.c.id)
    .order_by(visit_by_hand.c.from_ms, visit_by_hand.c.id)
)


def between(connection: Connection, since_ms: int, until_ms: int) -> list[ByHand]:
    """Those that began or ended between these times, the earliest first."""
    begun = visit_by_hand.c.from_ms.between(since_ms - LONGEST_MS, until_ms)
    rows = connection.execute(_ALL.where(begun, visit_by_hand.c.to_ms >= since_ms))
    return [_visit(row) for row in rows]


def numbered(connection: Connection, number: int) -> ByHand | None:
    row = connection.execute(_ALL.where(visit_by_hand.c.id == number)).first()
    return None if row is None else _visit(row)


def add(connection: Connection, values: dict[str, Any]) -> int:
    """Its number."""
    query = insert(visit_by_hand).values(values).returning(visit_by_hand.c.id)
    number: int = connection.execute(query).scalar_one()
    return number


def withdraw(connection: Connection, one: ByHand, withdrawal: Withdrawal) -> None:
    connection.execute(
        insert(by_hand_withdrawal).values(
            visit_id=one.number,
            organisation_id=one.organisation_id,
            person_id=one.person_id,
            sealed=withdrawal.sealed,
            said_by=withdrawal.said_by,
            said_ms=withdrawal.said_ms,
        )
    )


def _visit(row: Any) -> ByHand:
    one = ByHand(row.id, *(getattr(row, name) for name in _FIELDS))
    if row.withdrawn_ms is not None:
        one.withdrawal = Withdrawal(row.withdrawn_sealed, row.withdrawn_by, row.withdrawn_ms)
    if row.carer_owner != row.organisation_id:
        one.marks.add(OTHERS)
    return one
