# SPDX-License-Identifier: Apache-2.0
"""The tables of what people say of visits without any touch: what the numbers of services mean,
and visits that were noted by hand. Rows are only ever added."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from opaska_gateway.database.columns import RowNumber, metadata, ms, number, owner, ref

service_name = Table(  # what a number is called from then on; the first name holds before, too
    "service_name",
    metadata,
    number(),
    owner(),  # whose wearers are served
    Column("service", SmallInteger, nullable=False),
    Column("polish", Text),  # NULL = there is no such service any more
    Column("english", Text),  # NULL = as in Polish
    Column("ukrainian", Text),
    Column("said_by", Text, nullable=False),
    ms("said_ms"),
    Index(None, "organisation_id", "service"),
    CheckConstraint("service BETWEEN 1 AND 99", name="service"),
)

visit_by_hand = Table(  # for which no card was held to a band: it proves nothing
    "visit_by_hand",
    metadata,
    number(),
    owner(),
    ref("person_id", "person"),
    ref("carer_id", "carer"),
    Column("service", SmallInteger, nullable=False),
    ms("from_ms"),
    ms("to_ms"),
    Column("away", SmallInteger),  # 1 = away from home; NULL = nobody says
    ref("planned_id", "planned_visit", nullable=True),
    Column("sealed", LargeBinary),  # who asked for it, and why: JSON under the wearer's key
    Column("said_by", Text, nullable=False),
    ms("said_ms"),
    Index(None, "from_ms"),
    CheckConstraint("service BETWEEN 1 AND 99", name="service"),
    CheckConstraint("to_ms > from_ms", name="interval"),
)

by_hand_withdrawal = Table(  # somebody says that there was no such visit
    "by_hand_withdrawal",
    metadata,
    Column(
        "visit_id",
        RowNumber,
        ForeignKey("visit_by_hand.id"),
        primary_key=True,
        autoincrement=False,
    ),
    owner(),
    ref("person_id", "person"),
    Column("sealed", LargeBinary),  # why: JSON under the wearer's key
    Column("said_by", Text, nullable=False),
    ms("said_ms"),
)
