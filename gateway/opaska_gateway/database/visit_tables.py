# SPDX-License-Identifier: Apache-2.0
"""The tables of carers' visits: carers, their cards, what was planned, each touch of a card.

Touches, tests and corrections are only ever added; `care/visit.py` tells visits from them. Where
it was stands in the sealed body of the report alone.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from opaska_gateway.database.columns import (
    U32,
    RowNumber,
    id_,
    index_where,
    metadata,
    ms,
    number,
    one_of,
    owner,
    ref,
    unique_where,
)

UID_BYTES = 10  # of a card at most


def _event(name: str = "event_id", *, nullable: bool = False) -> Column[int]:
    return Column(name, RowNumber, ForeignKey("event.id"), nullable=nullable)


def _of_report() -> Column[int]:
    """Its number, as the key of what the report says."""
    return Column(
        "event_id", RowNumber, ForeignKey("event.id"), primary_key=True, autoincrement=False
    )


carer = Table(
    "carer",
    metadata,
    id_(),
    owner(),  # who sends them
    Column("wrapped_key", LargeBinary),  # the carer's key under the key file; NULL = erased
    Column("sealed", LargeBinary),  # name, phone: JSON under the carer's key
    ms("created_ms"),
    ms("erased_ms", nullable=True),
    CheckConstraint("(wrapped_key IS NULL) = (erased_ms IS NOT NULL)", name="erased"),
)

card = Table(
    "card",
    metadata,
    id_(),
    owner(),
    ref("carer_id", "carer"),
    Column("uid", LargeBinary(UID_BYTES), nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # care/touch.py
    Column("service", SmallInteger),  # of every visit with it; NULL = by the number of taps
    Column("wrapped_keys", LargeBinary),  # both keys, under the key file; NULL = it has none
    ms("created_ms"),
    ms("revoked_ms", nullable=True),
    Index(None, "carer_id"),
    one_of("kind", "ntag424", "tag"),
    CheckConstraint("(kind = 'ntag424') = (wrapped_keys IS NOT NULL)", name="keys"),
    CheckConstraint("service BETWEEN 1 AND 99", name="service"),
)

card_reading = Table(  # each reading of a card that was presented: it counts once, for ever
    "card_reading",
    metadata,
    Column("uid", LargeBinary(UID_BYTES), nullable=False),
    Column("digest", LargeBinary(16), nullable=False),  # of the proof
    Column("counter", Integer),  # NULL = a card that was unknown
    owner(),
    _event(),
    PrimaryKeyConstraint("uid", "digest"),
    UniqueConstraint("uid", "counter"),
)

planned_visit = Table(
    "planned_visit",
    metadata,
    id_(),
    owner(),
    ref("person_id", "person"),
    ref("carer_id", "carer", nullable=True),  # NULL = whoever comes
    Column("service", SmallInteger, nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    ms("at_ms"),
    Column("said_by", Text, nullable=False),
    ms("created_ms"),
    ms("cancelled_ms", nullable=True),
    Index(None, "person_id", "at_ms"),
    CheckConstraint("service BETWEEN 1 AND 99", name="service"),
    CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
)

visit_touch = Table(
    "visit_touch",
    metadata,
    _of_report(),
    owner(),
    ref("person_id", "person", nullable=True),  # as of the report
    Column("card", LargeBinary(UID_BYTES), nullable=False),
    ref("card_id", "card", nullable=True),  # NULL = nobody had registered it
    Column("begins", SmallInteger, nullable=False),
    Column("taps", SmallInteger, nullable=False),
    Column("of_boot", U32),  # the report that it names
    Column("of_seq", U32),
    Column("verdict", Text, nullable=False),  # care/touch.py
    Column("counter", Integer),  # of the reading, if the card has proved it
    ref("planned_id", "planned_visit", nullable=True),  # what the band was told
    ms("at_ms"),  # as of the report
    Index(None, "person_id", "at_ms"),
    Index(None, "at_ms"),
    index_where("ix_visit_touch_planned", "planned_id", where="planned_id IS NOT NULL"),
    one_of(
        "verdict",
        "verified",
        "plain",
        "unknown_card",
        "unchecked",
        "no_proof",
        "wrong_proof",
        "replayed",
    ),
)

visit_correction = Table(  # what somebody says of a visit; the touches stay as they are
    "visit_correction",
    metadata,
    number(),
    owner(),
    _event(),  # a touch of the visit
    ref("person_id", "person", nullable=True),
    Column("what", Text, nullable=False),
    Column("from_value", Text),
    Column("to_value", Text),
    Column("sealed", LargeBinary),  # why: JSON under the wearer's key
    Column("said_by", Text, nullable=False),
    ms("said_ms"),
    Index(None, "event_id"),
    one_of("what", "from", "to", "carer", "service", "withdrawn"),
)

visit_test = Table(  # what a band found out about itself at a touch
    "visit_test",
    metadata,
    _of_report(),
    owner(),
    ref("device_id", "device"),
    Column("of_boot", U32, nullable=False),  # the report of the touch
    Column("of_seq", U32, nullable=False),
    Column("round_trip_ms", U32),  # NULL = no answer within its time
    Column("battery_percent", SmallInteger),
    Column("broken", JSON, nullable=False),  # fault codes of what does not work
    Index(None, "device_id", "of_boot", "of_seq"),
)

visit_fault = Table(  # what a visit has shown to be wrong with a band, until one shows it right
    "visit_fault",
    metadata,
    number(),
    owner(),
    ref("device_id", "device"),
    Column("what", Text, nullable=False),  # care/visit_test.py
    Column("detail", Text, nullable=False),
    Column("in_charge", Text, nullable=False),
    ms("since_ms"),  # when the visit was
    ms("opened_ms"),
    ms("due_ms"),
    _event("opened_by"),
    ms("ended_ms", nullable=True),
    _event("ended_by", nullable=True),
    unique_where("uq_visit_fault_open", "device_id", "what", where="ended_ms IS NULL"),
    one_of("what", "no_answer", "late", "battery", "sensors"),
)
