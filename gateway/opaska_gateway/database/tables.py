# SPDX-License-Identifier: Apache-2.0
"""The tables of the gateway, one definition for SQLite and PostgreSQL.

Times are milliseconds since 1970 UTC (`_ms`); ids are 16 random bytes, so that they say nothing.
Every row has an owning organisation; nothing is marked as deleted; intervals are half-open.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID_BYTES = 16  # opaque ids are uuid4 bytes
Milliseconds = BigInteger
Opaque = LargeBinary(ID_BYTES)
RowNumber = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only plain INTEGER
U32 = BigInteger  # boot and seq of a band need the full 32 bits


def _id() -> Column[Any]:
    return Column("id", Opaque, primary_key=True)


def _number() -> Column[Any]:
    return Column("id", RowNumber, primary_key=True, autoincrement=True)


def _owner(*, nullable: bool = False) -> Column[Any]:
    return Column("organisation_id", Opaque, ForeignKey("organisation.id"), nullable=nullable)


def _ref(name: str, table: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Opaque, ForeignKey(f"{table}.id"), nullable=nullable)


def _ms(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Milliseconds, nullable=nullable)


def _unique_where(name: str, *columns: str, where: str) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def _index_where(name: str, *columns: str, where: str) -> Index:
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _one_of(column: str, *words: str) -> CheckConstraint:
    """Only these words. Written with OR: SQLite builds a table for IN, 4 us for each row."""
    return CheckConstraint(" OR ".join(f"{column} = '{word}'" for word in words), name=column)


# --- who and where -------------------------------------------------------------------------

organisation = Table(
    "organisation",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),  # IANA, e.g. Europe/Warsaw
    Column("default_account", Text),  # DC-09 account for bands that nobody is assigned to
    _ms("created_ms"),
)

agreement = Table(
    "agreement",
    metadata,
    _id(),
    _owner(),  # the provider, who answers the alarms
    _ref("municipality_id", "organisation", nullable=True),  # for whom; NULL = for itself
    # console: our dispatchers take and close; external: the receiver's ACCEPTED is the last state
    Column("handling", Text, nullable=False),
    _ms("from_ms"),
    _ms("to_ms", nullable=True),  # NULL = until further notice
    _ms("created_ms"),
    _one_of("handling", "console", "external"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

person = Table(
    "person",
    metadata,
    _id(),
    _owner(),
    Column("wrapped_key", LargeBinary),  # the person's key under the key file; NULL = erased
    Column("sealed", LargeBinary),  # name, notes, PESEL, ...: JSON under the person's key
    _ms("created_ms"),
    _ms("erased_ms", nullable=True),
    CheckConstraint("(wrapped_key IS NULL) = (erased_ms IS NOT NULL)", name="erased"),
)

place = Table(
    "place",
    metadata,
    _id(),
    _owner(),
    _ref("person_id", "person"),  # whose key seals the address
    Column("time_zone", Text, nullable=False),
    Column("sealed", LargeBinary),  # address, directions, ...: JSON under the person's key
    _ms("created_ms"),
    Column("area", Text),  # in the clear, so as coarse as a postal district; for outages
)

# --- bands ---------------------------------------------------------------------------------

device = Table(
    "device",
    metadata,
    _id(),
    _owner(),
    Column("kid", LargeBinary(8), nullable=False, unique=True),
    Column("label", Text, nullable=False),  # the number printed on the band
    Column("imei", Text),
    Column("iccid", Text),
    Column("msisdn", Text),
    _ms("created_ms"),
    _ms("revoked_ms", nullable=True),
    UniqueConstraint("organisation_id", "label"),
    CheckConstraint("length(kid) = 8", name="kid"),
)

device_key = Table(
    "device_key",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    _owner(),
    Column("wrapped", LargeBinary, nullable=False),  # K_gen (16 bytes) under the key file
    _ms("from_ms"),
    _ms("to_ms", nullable=True),  # reports sealed under it are accepted until then
    PrimaryKeyConstraint("device_id", "generation"),
    CheckConstraint("generation BETWEEN 1 AND 65535", name="generation"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

assignment = Table(
    "assignment",
    metadata,
    _id(),
    _owner(),
    _ref("device_id", "device"),
    _ref("person_id", "person"),
    _ref("agreement_id", "agreement"),
    _ref("place_id", "place", nullable=True),
    Column("account", Text),  # DC-09 account at the monitoring centre, 3..16 hex digits
    Column("settings", JSON, nullable=False),  # desired settings of the band, {} = defaults
    Column("sealed_contacts", LargeBinary),  # JSON under the person's key
    _ms("from_ms"),
    _ms("to_ms", nullable=True),
    _ms("created_ms"),
    UniqueConstraint("device_id", "from_ms"),
    _unique_where("uq_assignment_open_device", "device_id", where="to_ms IS NULL"),
    Index(None, "person_id"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

band_order = Table(
    "band_order",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), nullable=False),
    Column("dseq", U32, nullable=False),
    _owner(),
    Column("kind", Integer, nullable=False),
    Column("arguments", LargeBinary, nullable=False),  # CBOR map
    _ms("created_ms"),
    _ms("echoed_ms", nullable=True),  # a heartbeat named this dseq or a later one
    PrimaryKeyConstraint("device_id", "dseq"),
    CheckConstraint("dseq BETWEEN 1 AND 4294967295", name="dseq"),
    _index_where("ix_band_order_waiting", "device_id", where="echoed_ms IS NULL"),
)

# --- what happened -------------------------------------------------------------------------

care_case = Table(  # "case" is a word of SQL
    "care_case",
    metadata,
    _id(),
    _owner(),
    _ref("device_id", "device"),  # the band that opened it
    _ref("person_id", "person", nullable=True),  # NULL = nobody was assigned
    _ref("assignment_id", "assignment", nullable=True),
    Column("handling", Text, nullable=False),  # as agreed when it opened
    Column("state", Text, nullable=False),  # care/case.py
    _ms("opened_ms"),
    _ms("rang_ms"),  # when it last began to ring
    _ms("forwarded_ms", nullable=True),  # the centre's receiver has all of it since then
    _ms("taken_ms", nullable=True),
    Column("taken_by", Text),  # pseudonymous id of the dispatcher
    _ms("closed_ms", nullable=True),
    Column("closed_by", Text),
    Column("outcome", Text),
    _ref("previous_id", "care_case", nullable=True),  # the same person's case before this one
    _unique_where(
        "uq_care_case_open_person",
        "person_id",
        where="closed_ms IS NULL AND person_id IS NOT NULL",
    ),
    _unique_where(
        "uq_care_case_open_device", "device_id", where="closed_ms IS NULL AND person_id IS NULL"
    ),
    Index(None, "person_id", "opened_ms"),
    Index(None, "organisation_id", "opened_ms"),
    _one_of("state", "ringing", "forwarded", "taken", "closed"),
    _one_of("handling", "console", "external"),
    CheckConstraint("(state = 'closed') = (closed_ms IS NOT NULL)", name="closed"),
    CheckConstraint("closed_ms IS NULL OR outcome IS NOT NULL", name="outcome"),
)

event = Table(
    "event",
    metadata,
    _number(),
    _owner(),
    Column("kind", Text, nullable=False),  # report | call | duty
    _ref("device_id", "device", nullable=True),
    _ref("person_id", "person", nullable=True),  # who wore it when it happened
    _ref("assignment_id", "assignment", nullable=True),
    _ref("case_id", "care_case", nullable=True),
    # the message id of a report
    Column("generation", Integer),
    Column("boot", U32),
    Column("seq", U32),
    Column("digest", LargeBinary(16)),  # of the frame: tells a repeat from an id_clash
    # what it says
    Column("report_type", BigInteger),
    Column("alarm_kind", BigInteger),
    # 1 = in the alarm range, or an announced fall that the gateway has raised
    Column("rings", SmallInteger, nullable=False),
    Column("body_form", Text, nullable=False),  # clear | person | vault: who can open the body
    Column("body", LargeBinary),
    # when and how it came
    _ms("uptime_ms", nullable=True),
    _ms("occurred_ms"),
    _ms("occurred_error_ms", nullable=True),  # NULL = happened at the latest then, no bound
    Column("occurred_source", Text, nullable=False),  # band | anchor | arrival | gateway
    _ms("received_ms"),
    _ms("stored_ms"),
    Column("way", Text, nullable=False),  # mqtt, ...; gateway for calls and duties
    # how far its answers got: 1 STORED 2 ACCEPTED 3 TAKEN 4 CLOSED, see opaska_protocol.answers
    Column("answer_state", SmallInteger, nullable=False),
    Column("echoed_state", SmallInteger, nullable=False),  # what a heartbeat has confirmed
    UniqueConstraint("device_id", "generation", "boot", "seq"),
    _index_where("ix_event_case", "case_id", where="case_id IS NOT NULL"),
    _index_where(
        "ix_event_not_echoed",
        "device_id",
        where="answer_state > 1 AND answer_state > echoed_state",
    ),
    _one_of("kind", "report", "call", "duty"),
    CheckConstraint(
        "kind <> 'report' OR (device_id IS NOT NULL AND generation IS NOT NULL"
        " AND boot IS NOT NULL AND seq IS NOT NULL AND digest IS NOT NULL"
        " AND report_type IS NOT NULL)",
        name="message_id",
    ),
    _one_of("body_form", "clear", "person", "vault"),
    CheckConstraint("body_form <> 'person' OR person_id IS NOT NULL", name="body_key"),
    _one_of("occurred_source", "arrival", "anchor", "band", "gateway"),
    CheckConstraint("answer_state BETWEEN 0 AND 4", name="answer_state"),
    CheckConstraint("echoed_state BETWEEN 0 AND 4", name="echoed_state"),
)

announced_fall = Table(
    "announced_fall",
    metadata,
    _number(),
    _owner(),
    # the message id of the announcement
    _ref("device_id", "device"),
    Column("generation", Integer, nullable=False),
    Column("boot", U32, nullable=False),
    Column("seq", U32, nullable=False),
    Column("event_id", RowNumber, ForeignKey("event.id")),  # NULL = its end has come first
    Column("state", Text, nullable=False),  # care/fall.py
    _ms("announced_ms", nullable=True),  # received, by the gateway's clock
    _ms("due_ms", nullable=True),  # when the gateway raises it
    Column("still", SmallInteger),  # 1 = nobody has moved since; NULL = not known
    _ms("cancelled_ms", nullable=True),  # also of one that was raised before or since
    _ms("settled_ms", nullable=True),
    Column("settled_by", Text),  # by_hand, walked_on, gateway, deadline, ...: care/fall.py
    Column("settled_by_event_id", RowNumber, ForeignKey("event.id")),
    UniqueConstraint("device_id", "generation", "boot", "seq"),
    _index_where("ix_announced_fall_due", "due_ms", where="state = 'announced'"),
    _one_of("state", "announced", "cancelled", "raised"),
    CheckConstraint(
        "state <> 'announced' OR (event_id IS NOT NULL AND announced_ms IS NOT NULL"
        " AND due_ms IS NOT NULL)",
        name="deadline",
    ),
    CheckConstraint("(state = 'announced') = (settled_ms IS NULL)", name="settled"),
)

fall_label = Table(  # what its dispatcher says of a case; the motion in it is labelled by this
    "fall_label",
    metadata,
    Column("case_id", Opaque, ForeignKey("care_case.id"), primary_key=True),
    _owner(),
    Column("fell", Text, nullable=False),  # whether somebody fell
    _ms("said_ms"),
    Column("said_by", Text, nullable=False),  # pseudonymous id of the dispatcher
    _one_of("fell", "yes", "no", "unknown"),
)

# --- who has fallen silent -----------------------------------------------------------------

watched_band = Table(  # each band on a wrist, and since when nothing was heard from it
    "watched_band",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), primary_key=True),
    _owner(),
    _ref("assignment_id", "assignment"),
    _ref("person_id", "person"),
    _ref("municipality_id", "organisation", nullable=True),  # of the agreement
    Column("area", Text),  # of the place
    _ms("period_ms"),  # of supervision: three without a word are a fault
    _ms("last_word_ms", nullable=True),  # NULL = never since it was assigned
    # the last word, moved on by the time for which nobody listened, or its wearer was absent
    _ms("quiet_since_ms"),
    Index(None, "quiet_since_ms"),
)

listening = Table(  # until when the gateway could hear bands: what it missed is no silence
    "listening",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    _ms("heard_until_ms"),
    CheckConstraint("id = 1", name="one"),
)

outage = Table(  # many silent bands of one area, told as one
    "outage",
    metadata,
    _number(),
    _owner(),
    Column("level", Text, nullable=False),  # how wide: care/outage.py
    Column("place", Text, nullable=False),  # the area, the municipality's id, or "" for all
    Column("bands", Integer, nullable=False),  # that are watched there
    _ms("since_ms"),  # the first of the last words
    _ms("raised_ms"),
    Column("event_id", RowNumber, ForeignKey("event.id"), nullable=False),
    _ms("ended_ms", nullable=True),
    _unique_where("uq_outage_open", "organisation_id", "level", "place", where="ended_ms IS NULL"),
    _one_of("level", "area", "municipality", "organisation"),
)

silence = Table(  # one stretch without a word from a band
    "silence",
    metadata,
    _number(),
    _owner(),
    _ref("device_id", "device"),
    _ref("person_id", "person"),
    _ref("assignment_id", "assignment"),
    Column("state", Text, nullable=False),  # care/silence.py
    _ms("since_ms"),  # the last word; of a band that never spoke, when it was assigned
    _ms("missing_ms"),  # when it was noticed
    _ms("raised_ms", nullable=True),  # when it became a fault
    Column("cause", Text),  # the likely one: care/causes.py
    Column("detail", Text),  # what speaks for it
    Column("outage_id", RowNumber, ForeignKey("outage.id")),
    Column("event_id", RowNumber, ForeignKey("event.id")),  # by which the centre was told
    _ms("ended_ms", nullable=True),
    _unique_where("uq_silence_open", "device_id", where="ended_ms IS NULL"),
    Index(None, "device_id", "missing_ms"),
    Index(None, "raised_ms"),
    _index_where("ix_silence_outage", "outage_id", where="ended_ms IS NULL"),
    _one_of("state", "missing", "silent", "returned", "suspended", "released"),
    CheckConstraint("(state = 'missing' OR state = 'silent') = (ended_ms IS NULL)", name="ended"),
    CheckConstraint("state <> 'silent' OR raised_ms IS NOT NULL", name="raised"),
)

absence = Table(  # from..to, half-open: nobody expects to hear of the band; an SOS rings
    "absence",
    metadata,
    _id(),
    _owner(),
    _ref("person_id", "person"),
    _ms("from_ms"),
    _ms("to_ms"),
    Column("sealed", LargeBinary),  # why: JSON under the person's key
    _ms("created_ms"),
    Index(None, "to_ms"),
    CheckConstraint("to_ms > from_ms", name="interval"),
)

outbox = Table(
    "outbox",
    metadata,
    _number(),
    _owner(),
    Column("destination", Text, nullable=False),  # centre, trouble: see database/outbox.py
    Column("event_id", RowNumber, ForeignKey("event.id"), nullable=False),
    _ref("case_id", "care_case", nullable=True),
    Column("payload", JSON, nullable=False),  # pseudonymous: what to say, never about whom
    _ms("created_ms"),
    Column("attempts", Integer, nullable=False),
    _ms("next_attempt_ms"),
    Column("lease_owner", LargeBinary(ID_BYTES)),
    _ms("lease_until_ms", nullable=True),
    _ms("done_ms", nullable=True),
    Column("outcome", Text),  # of the last attempt: accepted | accepted_plain | refused | ...
    Column("detail", Text),  # what the receiver said, for the operator
    UniqueConstraint("event_id", "destination"),
    _index_where("ix_outbox_due", "next_attempt_ms", where="done_ms IS NULL"),
    _index_where("ix_outbox_case", "case_id", where="done_ms IS NULL"),
)

# --- what was refused, and who did what ------------------------------------------------------

refused_frame = Table(
    "refused_frame",
    metadata,
    _number(),
    _owner(nullable=True),  # an unknown band belongs to nobody
    Column("band", LargeBinary(8), nullable=False),  # kid; eight zero bytes = all unknown bands
    Column("day", Integer, nullable=False),  # days since 1970 UTC, for the cap
    Column("reason", Text, nullable=False),
    Column("way", Text, nullable=False),
    _ms("received_ms"),
    Column("frame", LargeBinary, nullable=False),  # cut at 1,024 bytes
    Index(None, "band", "day"),
)

refusal_count = Table(
    "refusal_count",
    metadata,
    _owner(nullable=True),
    Column("band", LargeBinary(8), nullable=False),
    Column("day", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("band", "day", "reason"),
    CheckConstraint("count > 0", name="count"),
)

audit = Table(
    "audit",
    metadata,
    _number(),
    _owner(nullable=True),  # NULL = the gateway as a whole
    _ms("at_ms"),
    Column("who", Text, nullable=False),  # pseudonymous id, or the program's own name
    Column("what", Text, nullable=False),  # a verb of the field: band_added, case_taken, ...
    Column("subject", Text, nullable=False),  # "device:<hex id>"
    Column("from_value", Text),
    Column("to_value", Text),
    Column("why", Text),
    Column("previous_hash", LargeBinary(32), nullable=False, unique=True),  # one chain, no forks
    Column("hash", LargeBinary(32), nullable=False),
)
