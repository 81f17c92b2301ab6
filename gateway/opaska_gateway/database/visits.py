# SPDX-License-Identifier: Apache-2.0
"""Keeps touches of carers' cards, and lets each reading of a card count once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ScalarSelect, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql

from opaska_gateway.care.visit_plan import AROUND_MS, Plan
from opaska_gateway.database.tables import event
from opaska_gateway.database.visit_tables import (
    card,
    card_reading,
    planned_visit,
    visit_test,
    visit_touch,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

MOST_PLANS = 50  # for one wearer within some hours

_CARDS = select(
    card.c.id,
    card.c.organisation_id,
    card.c.uid,
    card.c.carer_id,
    card.c.kind,
    card.c.wrapped_keys,
    card.c.revoked_ms,
).where(card.c.uid.in_(bindparam("uids", expanding=True)))
_CLAIM = postgresql.insert(card_reading).on_conflict_do_nothing().returning(card_reading.c.digest)
_PLANS = (
    select(
        planned_visit.c.id,
        planned_visit.c.carer_id,
        planned_visit.c.service,
        planned_visit.c.minutes,
        planned_visit.c.at_ms,
    )
    .where(
        planned_visit.c.person_id == bindparam("person"),
        planned_visit.c.at_ms.between(bindparam("from_ms"), bindparam("to_ms")),
        planned_visit.c.cancelled_ms.is_(None),
    )
    .order_by(planned_visit.c.at_ms)
    .limit(MOST_PLANS)
)
_TOLD = (
    select(planned_visit.c.service, planned_visit.c.minutes)
    .join(visit_touch, visit_touch.c.planned_id == planned_visit.c.id)
    .where(visit_touch.c.event_id == bindparam("this"))
)


class CardRow(NamedTuple):
    """A card as it is kept."""

    id: bytes
    organisation_id: bytes
    uid: bytes
    carer_id: bytes
    kind: str
    wrapped_keys: bytes | None
    revoked_ms: int | None


class Reading(NamedTuple):
    """One reading of a card, as it was presented."""

    uid: bytes
    digest: bytes  # of the proof
    counter: int | None  # None: nobody can tell
    organisation_id: bytes
    event_id: int


def cards(connection: Connection, uids: Collection[bytes]) -> dict[bytes, CardRow]:
    """Those that are registered, by UID."""
    if not uids:
        return {}
    rows = connection.execute(_CARDS, {"uids": list(uids)})
    return {row.uid: CardRow(*row) for row in rows}


def claim(connection: Connection, reading: Reading) -> bool:
    """Whether this reading counts now; False: it has counted before.

    The unique keys decide, also between two gateways on one database."""
    return connection.execute(_CLAIM, reading._asdict()).first() is not None


def add(
    connection: Connection, touches: Sequence[dict[str, Any]], tests: Sequence[dict[str, Any]]
) -> None:
    """Of fresh reports."""
    if touches:
        connection.execute(insert(visit_touch), list(touches))
    if tests:
        connection.execute(insert(visit_test), list(tests))


def first_test(device_id: Any, generation: Any, boot: Any, seq: Any) -> ScalarSelect[int]:
    """The event of the first test of the touch with this message id, values or columns: a band
    whose power was cut may report a second."""
    tested = event.alias("tested")
    return (
        select(visit_test.c.event_id)
        .join_from(visit_test, tested, visit_test.c.event_id == tested.c.id)
        .where(
            visit_test.c.device_id == device_id,
            visit_test.c.of_boot == boot,
            visit_test.c.of_seq == seq,
            tested.c.generation == generation,
        )
        .order_by(tested.c.boot, tested.c.seq)
        .limit(1)
        .correlate(event)
        .scalar_subquery()
    )


def is_first_test(connection: Connection, generation: int, test: dict[str, Any]) -> bool:
    """Whether no earlier test of the same touch is stored; `test` as in `add`."""
    first = first_test(test["device_id"], generation, test["of_boot"], test["of_seq"])
    return bool(connection.execute(select(first)).scalar() == test["event_id"])


def plans(connection: Connection, person_id: bytes, at_ms: int) -> list[Plan]:
    """What is planned for a wearer around a time."""
    wanted = {"person": person_id, "from_ms": at_ms - AROUND_MS, "to_ms": at_ms + AROUND_MS}
    return [Plan(*row) for row in connection.execute(_PLANS, wanted)]


def told(connection: Connection, event_id: int) -> list[int] | None:
    """[service, minutes] that the band was told about a stored touch."""
    row = connection.execute(_TOLD, {"this": event_id}).first()
    return None if row is None else [row.service, row.minutes]


def date_again(connection: Connection, event_ids: Sequence[int]) -> None:
    """These reports have been dated anew, and may belong to another wearer."""
    this = event.c.id == visit_touch.c.event_id
    connection.execute(
        update(visit_touch)
        .where(visit_touch.c.event_id.in_(event_ids))
        .values(
            at_ms=select(event.c.occurred_ms).where(this).scalar_subquery(),
            person_id=select(event.c.person_id).where(this).scalar_subquery(),
            organisation_id=select(event.c.organisation_id).where(this).scalar_subquery(),
        )
    )
