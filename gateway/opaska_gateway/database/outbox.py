# SPDX-License-Identifier: Apache-2.0
"""What waits to be handed out: rows are claimed by lease, so that each is handed out by one.

A wait or a lease that ends later than any can was written by a clock that has been set back since:
it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import LargeBinary, bindparam, func, insert, literal, not_, or_, select, update

from opaska_gateway.database.tables import assignment, device, event, organisation, outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

CENTRE: Final = "centre"  # alarms
TROUBLE: Final = "trouble"  # faults of bands: to the centre as well, but never among the alarms
OVER: Final = "over"  # of one that was over before the centre heard of it
MOST_TRIED: Final = 0x7FFFFFFF
NOBODY: Final = literal(b"", LargeBinary)
REPEATED: Final = "repeated"  # the outcome of a trouble that the centre knows: kept, not sent


def _is_ahead(column: ColumnElement[int]) -> ColumnElement[bool]:
    return column.between(bindparam("after"), bindparam("latest"))


_FREE = or_(outbox.c.lease_until_ms.is_(None), not_(_is_ahead(outbox.c.lease_until_ms)))
_OTHER_CASE = or_(
    outbox.c.case_id.is_(None), outbox.c.case_id.not_in(bindparam("but", expanding=True))
)
_TRIED = outbox.c.attempts <= bindparam("tried")
_DUE = (
    select(outbox.c.id)
    .where(
        outbox.c.destination == bindparam("to"),  # no column's name: it stands inside an UPDATE
        outbox.c.done_ms.is_(None),
        not_(_is_ahead(outbox.c.next_attempt_ms)),
        _FREE,
        _OTHER_CASE,
        _TRIED,
    )
    .order_by(outbox.c.next_attempt_ms, outbox.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)  # SQLite has one writer and drops this clause
)
_CLAIM = (
    update(outbox)
    .where(outbox.c.id.in_(_DUE))
    .values(
        lease_owner=bindparam("owner"),
        lease_until_ms=bindparam("until"),
        attempts=outbox.c.attempts + 1,
    )
    .returning(outbox.c.id)
)
_ROWS = (
    select(
        outbox.c.id,
        outbox.c.destination,
        outbox.c.payload,
        outbox.c.attempts,
        outbox.c.case_id,
        func.coalesce(assignment.c.account, organisation.c.default_account).label("account"),
        event.c.id.label("event_id"),
        func.coalesce(event.c.device_id, NOBODY).label("device_id"),
        func.coalesce(device.c.kid, NOBODY).label("kid"),
        event.c.person_id,
        func.coalesce(event.c.generation, 0).label("generation"),
        func.coalesce(event.c.boot, 0).label("boot"),
        func.coalesce(event.c.seq, 0).label("seq"),
        event.c.body_form,
        event.c.body,
        event.c.occurred_ms,
        event.c.received_ms,
    )
    .join(event, outbox.c.event_id == event.c.id)
    .outerjoin(device, event.c.device_id == device.c.id)
    .join(organisation, outbox.c.organisation_id == organisation.c.id)
    .outerjoin(assignment, event.c.assignment_id == assignment.c.id)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(outbox.c.id)
)
_NEXT = select(
    func.min(
        func.coalesce(
            # a leased row is looked at again when its lease has ended
            outbox.c.lease_until_ms,
            outbox.c.next_attempt_ms,
        )
    )
).where(
    outbox.c.destination == bindparam("destination"),
    outbox.c.done_ms.is_(None),
    _OTHER_CASE,
    _TRIED,
)


class Waiting(NamedTuple):
    """A claimed row with its event."""

    id: int
    destination: str
    payload: dict[str, Any]
    attempts: int  # this one included: it is counted before it begins
    case_id: bytes | None
    account: str | None  # as it is now: a corrected account counts at the next attempt
    event_id: int
    device_id: bytes  # b"" of what concerns many bands
    kid: bytes
    person_id: bytes | None
    generation: int  # 0 of a duty of the clock, which has no report
    boot: int
    seq: int
    body_form: str
    body: bytes | None
    occurred_ms: int
    received_ms: int

    @property
    def is_report(self) -> bool:
        return self.generation > 0


def new_row(
    organisation_id: bytes,
    destination: str,
    event_id: int,
    kind: str,
    now_ms: int,
    **more: Any,
) -> dict[str, Any]:
    """A row to add: this event is to be handed out at once, as this kind, and has no case.

    `more` is said of it beside its kind, as the `text` of a trouble.
    """
    return {
        "organisation_id": organisation_id,
        "destination": destination,
        "event_id": event_id,
        "case_id": None,
        "payload": {"kind": kind, **more},
        "created_ms": now_ms,
        "attempts": 0,
        "next_attempt_ms": now_ms,
        "done_ms": None,
        "outcome": None,
    }


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put events into the outbox, to be handed out at once."""
    connection.execute(insert(outbox), rows)


class But(NamedTuple):
    """What is left aside: rows of these cases, and rows that were tried more often."""

    cases: Collection[bytes] = ()
    tried: int = MOST_TRIED

    @property
    def values(self) -> dict[str, Any]:
        """For the statements."""
        return {"but": list(self.cases), "tried": self.tried}


class Lease(NamedTuple):
    """Who takes rows, and for how long; nothing waits longer than `longest_ms`."""

    owner: bytes
    lasts_ms: int
    longest_ms: int


EVERYTHING: Final = But()


def claim(
    connection: Connection,
    destination: str,
    lease: Lease,
    now_ms: int,
    at_most: int,
    but: But = EVERYTHING,
) -> list[Waiting]:
    """Lease rows that are due; nobody else gets them before it ends."""
    wanted = {
        "to": destination,
        "after": now_ms + 1,
        "latest": now_ms + lease.longest_ms,
        "owner": lease.owner,
        "until": now_ms + lease.lasts_ms,
        "at_most": at_most,
        **but.values,
    }
    ids = [row.id for row in connection.execute(_CLAIM, wanted)]
    if not ids:
        return []
    return [Waiting._make(row) for row in connection.execute(_ROWS, {"ids": ids})]


def next_due_ms(connection: Connection, destination: str, but: But = EVERYTHING) -> int | None:
    """When the next row will be due; None = nothing waits."""
    wanted = {"destination": destination, **but.values}
    due: int | None = connection.execute(_NEXT, wanted).scalar()
    return due


def told_troubles(connection: Connection, since_ms: int) -> list[tuple[bytes, str, int, int]]:
    """(device, kind, row, when) of the troubles that the centre took since then, oldest first."""
    rows = connection.execute(
        select(event.c.device_id, outbox.c.payload, outbox.c.id, outbox.c.done_ms)
        .join(event, outbox.c.event_id == event.c.id)
        .where(outbox.c.destination == TROUBLE, outbox.c.done_ms >= since_ms)
        .where(outbox.c.outcome.like("accepted%"), event.c.kind == "report")
        .order_by(outbox.c.done_ms)
    )
    return [(row[0], row[1]["kind"], row[2], row[3]) for row in rows]


def settle(connection: Connection, row_id: int, owner: bytes, **values: Any) -> bool:
    """Write what became of a claimed row and end its lease; False if the lease was lost."""
    result = connection.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.lease_owner == owner, outbox.c.done_ms.is_(None))
        .values(lease_owner=None, lease_until_ms=None, **values)
    )
    return result.rowcount == 1


def end_leases(connection: Connection) -> None:
    """Free every row: no other process of this gateway is left that could hold one."""
    connection.execute(
        update(outbox)
        .where(outbox.c.done_ms.is_(None), outbox.c.lease_owner.is_not(None))
        .values(lease_owner=None, lease_until_ms=None)
    )


def tell_end(
    connection: Connection, told_by: int, event_id: int, organisation_id: bytes, now_ms: int
) -> None:
    """The trouble of event `told_by` is over: the centre hears so, if it may have heard of it."""
    told = outbox.c.event_id == told_by, outbox.c.destination == TROUBLE
    row = connection.execute(select(outbox).where(*told)).first()
    if row is None:
        return
    if row.done_ms is None:
        over = {"done_ms": now_ms, "outcome": OVER, "lease_owner": None, "lease_until_ms": None}
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(over))
    if row.attempts:
        new = new_row(organisation_id, TROUBLE, event_id, row.payload["kind"], now_ms)
        add(connection, [new | {"payload": {**row.payload, "restore": True}}])


def drop_of_case(connection: Connection, case_id: bytes, at_ms: int) -> None:
    """What still waits for the centre is not sent any more, see care/case.py."""
    connection.execute(
        update(outbox)
        .where(outbox.c.case_id == case_id, outbox.c.done_ms.is_(None))
        .values(done_ms=at_ms, outcome="case_closed")
    )
