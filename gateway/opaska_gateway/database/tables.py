# SPDX-License-Identifier: Apache-2.0
"""The tables of the gateway, one definition for SQLite and PostgreSQL.

Times are milliseconds since 1970 UTC (`_ms`); ids are 16 random bytes, so that they say nothing.
Every row has an owning organisation; nothing is marked as deleted; intervals are half-open.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
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

from opaska_gateway.database import by_hand_tables, visit_tables
from opaska_gateway.database.columns import (
    ID_BYTES,
    U32,
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
from opaska_gateway.database.settings_tables import band_settings
from opaska_gateway.database.silence_tables import (
    absence,
    listening,
    outage,
    silence,
    watched_band,
)
from opaska_gateway.database.wear_tables import wear_sighting

__all__ = [
    "ID_BYTES",
    "absence",
    "agreement",
    "announced_fall",
    "assignment",
    "audit",
    "band_order",
    "band_settings",
    "by_hand_tables",
    "care_case",
    "device",
    "device_key",
    "event",
    "fall_label",
    "listening",
    "metadata",
    "organisation",
    "outage",
    "outbox",
    "person",
    "place",
    "refusal_count",
    "refused_frame",
    "silence",
    "visit_tables",
    "watched_band",
    "wear_sighting",
]

# --- who and where -------------------------------------------------------------------------

organisation = Table(
    "organisation",
    metadata,
    id_(),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),  # IANA, e.g. Europe/Warsaw
    Column("default_account", Text),  # DC-09 account for bands that nobody is assigned to
    ms("created_ms"),
)

agreement = Table(
    "agreement",
    metadata,
    id_(),
    owner(),  # the provider, who answers the alarms
    ref("municipality_id", "organisation", nullable=True),  # for whom; NULL = for itself
    # console: our dispatchers take and close; external: the receiver's ACCEPTED is the last state
    Column("handling", Text, nullable=False),
    ms("from_ms"),
    ms("to_ms", nullable=True),  # NULL = until further notice
    ms("created_ms"),
    one_of("handling", "console", "external"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

person = Table(
    "person",
    metadata,
    id_(),
    owner(),
    Column("wrapped_key", LargeBinary),  # the person's key under the key file; NULL = erased
    Column("sealed", LargeBinary),  # name, notes, PESEL, ...: JSON under the person's key
    ms("created_ms"),
    ms("erased_ms", nullable=True),
    CheckConstraint("(wrapped_key IS NULL) = (erased_ms IS NOT NULL)", name="erased"),
)

place = Table(
    "place",
    metadata,
    id_(),
    owner(),
    ref("person_id", "person"),  # whose key seals the address
    Column("time_zone", Text, nullable=False),
    Column("sealed", LargeBinary),  # address, directions, ...: JSON under the person's key
    ms("created_ms"),
    Column("area", Text),  # in the clear, so as coarse as a postal district; for outages
)

# --- bands ---------------------------------------------------------------------------------

device = Table(
    "device",
    metadata,
    id_(),
    owner(),
    Column("kid", LargeBinary(8), nullable=False, unique=True),
    Column("label", Text, nullable=False),  # the number printed on the band
    Column("imei", Text),
    Column("iccid", Text),
    Column("msisdn", Text),
    ms("created_ms"),
    ms("revoked_ms", nullable=True),
    UniqueConstraint("organisation_id", "label"),
    CheckConstraint("length(kid) = 8", name="kid"),
)

device_key = Table(
    "device_key",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    owner(),
    Column("wrapped", LargeBinary, nullable=False),  # K_gen (16 bytes) under the key file
    ms("from_ms"),
    ms("to_ms", nullable=True),  # reports sealed under it are accepted until then
    PrimaryKeyConstraint("device_id", "generation"),
    CheckConstraint("generation BETWEEN 1 AND 65535", name="generation"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

assignment = Table(
    "assignment",
    metadata,
    id_(),
    owner(),
    ref("device_id", "device"),
    ref("person_id", "person"),
    ref("agreement_id", "agreement"),
    ref("place_id", "place", nullable=True),
    Column("account", Text),  # DC-09 account at the monitoring centre, 3..16 hex digits
    Column("settings", JSON, nullable=False),  # desired settings of the band, {} = defaults
    Column("sealed_contacts", LargeBinary),  # JSON under the person's key
    ms("from_ms"),
    ms("to_ms", nullable=True),
    ms("created_ms"),
    UniqueConstraint("device_id", "from_ms"),
    unique_where("uq_assignment_open_device", "device_id", where="to_ms IS NULL"),
    Index(None, "person_id"),
    CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name="interval"),
)

band_order = Table(
    "band_order",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), nullable=False),
    Column("dseq", U32, nullable=False),
    owner(),
    Column("kind", Integer, nullable=False),
    Column("arguments", LargeBinary, nullable=False),  # CBOR map
    ms("created_ms"),
    ms("echoed_ms", nullable=True),  # a heartbeat named this dseq or a later one
    PrimaryKeyConstraint("device_id", "dseq"),
    CheckConstraint("dseq BETWEEN 1 AND 4294967295", name="dseq"),
    index_where("ix_band_order_waiting", "device_id", where="echoed_ms IS NULL"),
)

# --- what happened -------------------------------------------------------------------------

care_case = Table(  # "case" is a word of SQL
    "care_case",
    metadata,
    id_(),
    owner(),
    ref("device_id", "device"),  # the band that opened it
    ref("person_id", "person", nullable=True),  # NULL = nobody was assigned
    ref("assignment_id", "assignment", nullable=True),
    Column("handling", Text, nullable=False),  # as agreed when it opened
    Column("state", Text, nullable=False),  # care/case.py
    ms("opened_ms"),
    ms("rang_ms"),  # when it last began to ring
    ms("forwarded_ms", nullable=True),  # the centre's receiver has all of it since then
    ms("taken_ms", nullable=True),
    Column("taken_by", Text),  # pseudonymous id of the dispatcher
    ms("closed_ms", nullable=True),
    Column("closed_by", Text),
    Column("outcome", Text),
    ref("previous_id", "care_case", nullable=True),  # the same person's case before this one
    unique_where(
        "uq_care_case_open_person",
        "person_id",
        where="closed_ms IS NULL AND person_id IS NOT NULL",
    ),
    unique_where(
        "uq_care_case_open_device", "device_id", where="closed_ms IS NULL AND person_id IS NULL"
    ),
    Index(None, "person_id", "opened_ms"),
    Index(None, "organisation_id", "opened_ms"),
    one_of("state", "ringing", "forwarded", "taken", "closed"),
    one_of("handling", "console", "external"),
    CheckConstraint("(state = 'closed') = (closed_ms IS NOT NULL)", name="closed"),
    CheckConstraint("closed_ms IS NULL OR outcome IS NOT NULL", name="outcome"),
)

event = Table(
    "event",
    metadata,
    number(),
    owner(),
    Column("kind", Text, nullable=False),  # report | call | duty
    ref("device_id", "device", nullable=True),
    ref("person_id", "person", nullable=True),  # who wore it when it happened
    ref("assignment_id", "assignment", nullable=True),
    ref("case_id", "care_case", nullable=True),
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
    ms("uptime_ms", nullable=True),
    ms("occurred_ms"),
    ms("occurred_error_ms", nullable=True),  # NULL = happened at the latest then, no bound
    Column("occurred_source", Text, nullable=False),  # band | anchor | arrival | gateway
    ms("received_ms"),
    ms("stored_ms"),
    Column("way", Text, nullable=False),  # mqtt, ...; gateway for calls and duties
    # how far its answers got: 1 STORED 2 ACCEPTED 3 TAKEN 4 CLOSED, see opaska_protocol.answers
    Column("answer_state", SmallInteger, nullable=False),
    Column("echoed_state", SmallInteger, nullable=False),  # what a heartbeat has confirmed
    UniqueConstraint("device_id", "generation", "boot", "seq"),
    index_where("ix_event_case", "case_id", where="case_id IS NOT NULL"),
    index_where(
        "ix_event_not_echoed",
        "device_id",
        where="answer_state > 1 AND answer_state > echoed_state",
    ),
    one_of("kind", "report", "call", "duty"),
    CheckConstraint(
        "kind <> 'report' OR (device_id IS NOT NULL AND generation IS NOT NULL"
        " AND boot IS NOT NULL AND seq IS NOT NULL AND digest IS NOT NULL"
        " AND report_type IS NOT NULL)",
        name="message_id",
    ),
    one_of("body_form", "clear", "person", "vault"),
    CheckConstraint("body_form <> 'person' OR person_id IS NOT NULL", name="body_key"),
    one_of("occurred_source", "arrival", "anchor", "band", "gateway"),
    CheckConstraint("answer_state BETWEEN 0 AND 4", name="answer_state"),
    CheckConstraint("echoed_state BETWEEN 0 AND 4", name="echoed_state"),
)

announced_fall = Table(
    "announced_fall",
    metadata,
    number(),
    owner(),
    # the message id of the announcement
    ref("device_id", "device"),
    Column("generation", Integer, nullable=False),
    Column("boot", U32, nullable=False),
    Column("seq", U32, nullable=False),
    Column("event_id", RowNumber, ForeignKey("event.id")),  # NULL = its end has come first
    Column("state", Text, nullable=False),  # care/fall.py
    ms("announced_ms", nullable=True),  # received, by the gateway's clock
    ms("due_ms", nullable=True),  # when the gateway raises it
    Column("still", SmallInteger),  # 1 = nobody has moved since; NULL = not known
    ms("cancelled_ms", nullable=True),  # also of one that was raised before or since
    ms("settled_ms", nullable=True),
    Column("settled_by", Text),  # by_hand, walked_on, gateway, deadline, ...: care/fall.py
    Column("settled_by_event_id", RowNumber, ForeignKey("event.id")),
    UniqueConstraint("device_id", "generation", "boot", "seq"),
    index_where("ix_announced_fall_due", "due_ms", where="state = 'announced'"),
    one_of("state", "announced", "cancelled", "raised"),
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
    owner(),
    Column("fell", Text, nullable=False),  # whether somebody fell
    ms("said_ms"),
    Column("said_by", Text, nullable=False),  # pseudonymous id of the dispatcher
    one_of("fell", "yes", "no", "unknown"),
)

outbox = Table(
    "outbox",
    metadata,
    number(),
    owner(),
    Column("destination", Text, nullable=False),  # centre, trouble: see database/outbox.py
    Column("event_id", RowNumber, ForeignKey("event.id"), nullable=False),
    ref("case_id", "care_case", nullable=True),
    Column("payload", JSON, nullable=False),  # pseudonymous: what to say, never about whom
    ms("created_ms"),
    Column("attempts", Integer, nullable=False),
    ms("next_attempt_ms"),
    Column("lease_owner", LargeBinary(ID_BYTES)),
    ms("lease_until_ms", nullable=True),
    ms("done_ms", nullable=True),
    Column("outcome", Text),  # of the last attempt: accepted | accepted_plain | refused | ...
    Column("detail", Text),  # what the receiver said, for the operator
    UniqueConstraint("event_id", "destination"),
    index_where("ix_outbox_due", "next_attempt_ms", where="done_ms IS NULL"),
    index_where("ix_outbox_case", "case_id", where="done_ms IS NULL"),
)

# --- what was refused, and who did what ------------------------------------------------------

refused_frame = Table(
    "refused_frame",
    metadata,
    number(),
    owner(nullable=True),  # an unknown band belongs to nobody
    Column("band", LargeBinary(8), nullable=False),  # kid; eight zero bytes = all unknown bands
    Column("day", Integer, nullable=False),  # days since 1970 UTC, for the cap
    Column("reason", Text, nullable=False),
    Column("way", Text, nullable=False),
    ms("received_ms"),
    Column("frame", LargeBinary, nullable=False),  # cut at 1,024 bytes
    Index(None, "band", "day"),
)

refusal_count = Table(
    "refusal_count",
    metadata,
    owner(nullable=True),
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
    number(),
    owner(nullable=True),  # NULL = the gateway as a whole
    ms("at_ms"),
    Column("who", Text, nullable=False),  # pseudonymous id, or the program's own name
    Column("what", Text, nullable=False),  # a verb of the field: band_added, case_taken, ...
    Column("subject", Text, nullable=False),  # "device:<hex id>"
    Column("from_value", Text),
    Column("to_value", Text),
    Column("why", Text),
    Column("previous_hash", LargeBinary(32), nullable=False, unique=True),  # one chain, no forks
    Column("hash", LargeBinary(32), nullable=False),
)
