# SPDX-License-Identifier: Apache-2.0
"""The table of the wear ledger: how a band was worn, as its reports say."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, SmallInteger, Table

from opaska_gateway.database.columns import U32, RowNumber, metadata, ms, owner, ref

wear_sighting = Table(  # what one report says of how its band is worn: care/worn.py
    "wear_sighting",
    metadata,
    Column("event_id", RowNumber, ForeignKey("event.id"), primary_key=True, autoincrement=False),
    owner(),
    ref("device_id", "device"),
    Column("generation", Integer, nullable=False),
    Column("boot", U32, nullable=False),
    ref("person_id", "person", nullable=True),  # as of the report
    Column("state", SmallInteger, nullable=False),
    ms("at_ms"),  # when the report was made
    ms("since_ms", nullable=True),  # when the state began; NULL = the report tells of no change
    Column("before", SmallInteger),  # the state before that
    Index(None, "person_id", "at_ms"),
)
