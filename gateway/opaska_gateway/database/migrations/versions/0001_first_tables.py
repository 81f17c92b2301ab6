# SPDX-License-Identifier: Apache-2.0
"""The first tables: people, bands, cases, events, outbox, refusals, audit. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("default_account", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "agreement",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("municipality_id", OPAQUE, nullable=True),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "handling = 'console' OR handling = 'external'", name=op.f("ck_agreement_handling")
        ),
        sa.CheckConstraint("to_ms IS NULL OR to_ms > from_ms", name=op.f("ck_agreement_interval")),
        sa.ForeignKeyConstraint(
            ["municipality_id"], ["organisation.id"], name=op.f("fk_agreement_municipality_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_agreement_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    op.create_table(
        "audit",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("from_value", sa.Text(), nullable=True),
        sa.Column("to_value", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_audit_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_audit_previous_hash")),
    )
    op.create_table(
        "device",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("kid", sa.LargeBinary(8), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("imei", sa.Text(), nullable=True),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("msisdn", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(kid) = 8", name=op.f("ck_device_kid")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_device_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("kid", name=op.f("uq_device_kid")),
        sa.UniqueConstraint(
            "organisation_id", "label", name=op.f("uq_device_organisation_id_label")
        ),
    )
    op.create_table(
        "person",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("erased_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(wrapped_key IS NULL) = (erased_ms IS NOT NULL)", name=op.f("ck_person_erased")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_person_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_table(
        "refusal_count",
        sa.Column("organisation_id", OPAQUE, nullable=True),
        sa.Column("band", sa.LargeBinary(8), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count > 0", name=op.f("ck_refusal_count_count")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_refusal_count_organisation_id")
        ),
        sa.PrimaryKeyConstraint("band", "day", "reason", name=op.f("pk_refusal_count")),
    )
    op.create_table(
        "refused_frame",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=True),
        sa.Column("band", sa.LargeBinary(8), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_refused_frame_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_frame")),
    )
    op.create_index(op.f("ix_refused_frame_band_day"), "refused_frame", ["band", "day"])

    op.create_table(
        "band_order",
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("dseq", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("arguments", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("echoed_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("dseq BETWEEN 1 AND 4294967295", name=op.f("ck_band_order_dseq")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_band_order_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_band_order_organisation_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "dseq", name=op.f("pk_band_order")),
    )
    op.create_index(
        "ix_band_order_waiting",
        "band_order",
        ["device_id"],
        sqlite_where=sa.text("echoed_ms IS NULL"),
        postgresql_where=sa.text("echoed_ms IS NULL"),
    )

    op.create_table(
        "device_key",
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "generation BETWEEN 1 AND 65535", name=op.f("ck_device_key_generation")
        ),
        sa.CheckConstraint(
            "to_ms IS NULL OR to_ms > from_ms", name=op.f("ck_device_key_interval")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_key_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_device_key_organisation_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "generation", name=op.f("pk_device_key")),
    )
    op.create_table(
        "place",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_place_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_place_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
    )
    op.create_table(
        "assignment",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("agreement_id", OPAQUE, nullable=False),
        sa.Column("place_id", OPAQUE, nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("sealed_contacts", sa.LargeBinary(), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "to_ms IS NULL OR to_ms > from_ms", name=op.f("ck_assignment_interval")
        ),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_assignment_agreement_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_assignment_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_assignment_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_assignment_person_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_assignment_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("device_id", "from_ms", name=op.f("uq_assignment_device_id_from_ms")),
    )
    op.create_index(op.f("ix_assignment_person_id"), "assignment", ["person_id"])
    op.create_index(
        "uq_assignment_open_device",
        "assignment",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("to_ms IS NULL"),
        postgresql_where=sa.text("to_ms IS NULL"),
    )

    op.create_table(
        "care_case",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=True),
        sa.Column("assignment_id", OPAQUE, nullable=True),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("rang_ms", sa.BigInteger(), nullable=False),
        sa.Column("forwarded_ms", sa.BigInteger(), nullable=True),
        sa.Column("taken_ms", sa.BigInteger(), nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("previous_id", OPAQUE, nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_ms IS NOT NULL)", name=op.f("ck_care_case_closed")
        ),
        sa.CheckConstraint(
            "handling = 'console' OR handling = 'external'", name=op.f("ck_care_case_handling")
        ),
        sa.CheckConstraint(
            "state = 'ringing' OR state = 'forwarded' OR state = 'taken' OR state = 'closed'",
            name=op.f("ck_care_case_state"),
        ),
        sa.CheckConstraint(
            "closed_ms IS NULL OR outcome IS NOT NULL", name=op.f("ck_care_case_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_care_case_assignment_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_care_case_device_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_care_case_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_care_case_person_id")),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["care_case.id"], name=op.f("fk_care_case_previous_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_case")),
    )
    op.create_index(
        op.f("ix_care_case_organisation_id_opened_ms"),
        "care_case",
        ["organisation_id", "opened_ms"],
    )
    op.create_index(
        op.f("ix_care_case_person_id_opened_ms"), "care_case", ["person_id", "opened_ms"]
    )
    op.create_index(
        "uq_care_case_open_device",
        "care_case",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL AND person_id IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL AND person_id IS NULL"),
    )
    op.create_index(
        "uq_care_case_open_person",
        "care_case",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL AND person_id IS NOT NULL"),
        postgresql_where=sa.text("closed_ms IS NULL AND person_id IS NOT NULL"),
    )

    op.create_table(
        "event",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device_id", OPAQUE, nullable=True),
        sa.Column("person_id", OPAQUE, nullable=True),
        sa.Column("assignment_id", OPAQUE, nullable=True),
        sa.Column("case_id", OPAQUE, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("boot", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("digest", OPAQUE, nullable=True),
        sa.Column("report_type", sa.BigInteger(), nullable=True),
        sa.Column("alarm_kind", sa.BigInteger(), nullable=True),
        sa.Column("rings", sa.SmallInteger(), nullable=False),
        sa.Column("body_form", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("uptime_ms", sa.BigInteger(), nullable=True),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
        sa.Column("occurred_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("occurred_source", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("answer_state", sa.SmallInteger(), nullable=False),
        sa.Column("echoed_state", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "body_form <> 'person' OR person_id IS NOT NULL", name=op.f("ck_event_body_key")
        ),
        sa.CheckConstraint(
            "body_form = 'clear' OR body_form = 'person' OR body_form = 'vault'",
            name=op.f("ck_event_body_form"),
        ),
        sa.CheckConstraint(
            "kind <> 'report' OR (device_id IS NOT NULL AND generation IS NOT NULL"
            " AND boot IS NOT NULL AND seq IS NOT NULL AND digest IS NOT NULL"
            " AND report_type IS NOT NULL)",
            name=op.f("ck_event_message_id"),
        ),
        sa.CheckConstraint(
            "kind = 'report' OR kind = 'call' OR kind = 'duty'", name=op.f("ck_event_kind")
        ),
        sa.CheckConstraint(
            "occurred_source = 'arrival' OR occurred_source = 'anchor'"
            " OR occurred_source = 'band' OR occurred_source = 'gateway'",
            name=op.f("ck_event_occurred_source"),
        ),
        sa.CheckConstraint("answer_state BETWEEN 0 AND 4", name=op.f("ck_event_answer_state")),
        sa.CheckConstraint("echoed_state BETWEEN 0 AND 4", name=op.f("ck_event_echoed_state")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_event_assignment_id")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["care_case.id"], name=op.f("fk_event_case_id")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_event_device_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_event_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_event_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "device_id",
            "generation",
            "boot",
            "seq",
            name=op.f("uq_event_device_id_generation_boot_seq"),
        ),
    )
    op.create_index(
        "ix_event_case",
        "event",
        ["case_id"],
        sqlite_where=sa.text("case_id IS NOT NULL"),
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    op.create_index(
        "ix_event_not_echoed",
        "event",
        ["device_id"],
        sqlite_where=sa.text("answer_state > 1 AND answer_state > echoed_state"),
        postgresql_where=sa.text("answer_state > 1 AND answer_state > echoed_state"),
    )

    op.create_table(
        "outbox",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("event_id", ROW_NUMBER, nullable=False),
        sa.Column("case_id", OPAQUE, nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", OPAQUE, nullable=True),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["care_case.id"], name=op.f("fk_outbox_case_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_outbox_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_outbox_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "event_id", "destination", name=op.f("uq_outbox_event_id_destination")
        ),
    )
    op.create_index(
        "ix_outbox_case",
        "outbox",
        ["case_id"],
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["next_attempt_ms"],
        sqlite_where=sa.text("done_ms IS NULL"),
        postgresql_where=sa.text("done_ms IS NULL"),
    )
