# SPDX-License-Identifier: Apache-2.0
"""The tables of supervision: who is looked after, who is silent, who is absent."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from opaska_gateway.database.columns import (
    Opaque,
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

watched_band = Table(  # each band on a wrist, and since when nothing was heard from it
    "watched_band",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), primary_key=True),
    owner(),
    ref("assignment_id", "assignment"),
    ref("person_id", "person"),
    ref("municipality_id", "organisation", nullable=True),  # of the agreement
    Column("area", Text),  # of the place
    ms("period_ms"),  # of supervision: three without a word are a fault
    ms("last_word_ms", nullable=True),  # NULL = never since it was assigned
    # the last word, moved on by the time for which nobody listened, or its wearer was absent
    ms("quiet_since_ms"),
    Index(None, "quiet_since_ms"),
)

listening = Table(  # until when the gateway could hear bands: what it missed is no silence
    "listening",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    ms("heard_until_ms"),
    CheckConstraint("id = 1", name="one"),
)

outage = Table(  # many silent bands of one area, told as one
    "outage",
    metadata,
    number(),
    owner(),
    Column("level", Text, nullable=False),  # how wide: care/outage.py
    Column("place", Text, nullable=False),  # the area, the municipality's id, or "" for all
    Column("bands", Integer, nullable=False),  # that are watched there
    ms("since_ms"),  # the first of the last words
    ms("raised_ms"),
    Column("event_id", RowNumber, ForeignKey("event.id"), nullable=False),
    ms("ended_ms", nullable=True),
    unique_where("uq_outage_open", "organisation_id", "level", "place", where="ended_ms IS NULL"),
    one_of("level", "area", "municipality", "organisation"),
)

silence = Table(  # one stretch without a word from a band
    "silence",
    metadata,
    number(),
    owner(),
    ref("device_id", "device"),
    ref("person_id", "person"),
    ref("assignment_id", "assignment"),
    Column("state", Text, nullable=False),  # care/silence.py
    ms("since_ms"),  # the last word; of a band that never spoke, when it was assigned
    ms("missing_ms"),  # when it was noticed
    ms("raised_ms", nullable=True),  # when it became a fault
    Column("cause", Text),  # the likely one: care/causes.py
    Column("detail", Text),  # what speaks for it
    Column("outage_id", RowNumber, ForeignKey("outage.id")),
    Column("event_id", RowNumber, ForeignKey("event.id")),  # by which the centre was told
    ms("ended_ms", nullable=True),
    unique_where("uq_silence_open", "device_id", where="ended_ms IS NULL"),
    Index(None, "device_id", "missing_ms"),
    Index(None, "raised_ms"),
    index_where("ix_silence_outage", "outage_id", where="outage_id IS NOT NULL"),
    one_of("state", "missing", "silent", "returned", "suspended", "released"),
    CheckConstraint("(state = 'missing' OR state = 'silent') = (ended_ms IS NULL)", name="ended"),
    CheckConstraint("state <> 'silent' OR raised_ms IS NOT NULL", name="raised"),
)

absence = Table(  # from..to, half-open: nobody expects to hear of the band; an SOS rings
    "absence",
    metadata,
    id_(),
    owner(),
    ref("person_id", "person"),
    ms("from_ms"),
    ms("to_ms"),
    Column("sealed", LargeBinary),  # why: JSON under the person's key
    ms("created_ms"),
    Index(None, "to_ms"),
    CheckConstraint("to_ms > from_ms", name="interval"),
)
