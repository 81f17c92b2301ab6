# SPDX-License-Identifier: Apache-2.0
"""Carers, their cards and visits. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "carer",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("erased_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(wrapped_key IS NULL) = (erased_ms IS NOT NULL)", name=op.f("ck_carer_erased")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_carer_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carer")),
    )
    op.create_table(
        "card",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("carer_id", OPAQUE, nullable=False),
        sa.Column("uid", sa.LargeBinary(10), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.SmallInteger(), nullable=True),
        sa.Column("wrapped_keys", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'ntag424') = (wrapped_keys IS NOT NULL)", name=op.f("ck_card_keys")
        ),
        sa.CheckConstraint("kind = 'ntag424' OR kind = 'tag'", name=op.f("ck_card_kind")),
        sa.CheckConstraint("service BETWEEN 1 AND 99", name=op.f("ck_card_service")),
        sa.ForeignKeyConstraint(["carer_id"], ["carer.id"], name=op.f("fk_card_carer_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_card_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card")),
        sa.UniqueConstraint("uid", name=op.f("uq_card_uid")),
    )
    op.create_index(op.f("ix_card_carer_id"), "card", ["carer_id"])
    op.create_table(
        "planned_visit",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("carer_id", OPAQUE, nullable=True),
        sa.Column("service", sa.SmallInteger(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name=op.f("ck_planned_visit_minutes")),
        sa.CheckConstraint("service BETWEEN 1 AND 99", name=op.f("ck_planned_visit_service")),
        sa.ForeignKeyConstraint(
            ["carer_id"], ["carer.id"], name=op.f("fk_planned_visit_carer_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_planned_visit_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_planned_visit_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_visit")),
    )
    op.create_index(
        op.f("ix_planned_visit_person_id_at_ms"), "planned_visit", ["person_id", "at_ms"]
    )
    op.create_table(
        "card_reading",
        sa.Column("uid", sa.LargeBinary(10), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=True),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("event_id", ROW_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_card_reading_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_card_reading_organisation_id")
        ),
        sa.PrimaryKeyConstraint("uid", "digest", name=op.f("pk_card_reading")),
        sa.UniqueConstraint("uid", "counter", name=op.f("uq_card_reading_uid_counter")),
    )
    op.create_table(
        "visit_correction",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("event_id", ROW_NUMBER, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("from_value", sa.Text(), nullable=True),
        sa.Column("to_value", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "what = 'from' OR what = 'to' OR what = 'carer' OR what = 'service'"
            " OR what = 'withdrawn'",
            name=op.f("ck_visit_correction_what"),
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_visit_correction_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_visit_correction_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_visit_correction_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_correction")),
    )
    op.create_index(op.f("ix_visit_correction_event_id"), "visit_correction", ["event_id"])
    op.create_table(
        "visit_fault",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("in_charge", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", ROW_NUMBER, nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", ROW_NUMBER, nullable=True),
        sa.CheckConstraint(
            "what = 'no_answer' OR what = 'late' OR what = 'battery' OR what = 'sensors'",
            name=op.f("ck_visit_fault_what"),
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_visit_fault_device_id")
        ),
        sa.ForeignKeyConstraint(["ended_by"], ["event.id"], name=op.f("fk_visit_fault_ended_by")),
        sa.ForeignKeyConstraint(
            ["opened_by"], ["event.id"], name=op.f("fk_visit_fault_opened_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_visit_fault_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_fault")),
    )
    op.create_index(
        "uq_visit_fault_open",
        "visit_fault",
        ["device_id", "what"],
        unique=True,
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )
    op.create_table(
        "visit_test",
        sa.Column("event_id", ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("of_boot", sa.BigInteger(), nullable=False),
        sa.Column("of_seq", sa.BigInteger(), nullable=False),
        sa.Column("round_trip_ms", sa.BigInteger(), nullable=True),
        sa.Column("battery_percent", sa.SmallInteger(), nullable=True),
        sa.Column("broken", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_visit_test_device_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_visit_test_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_visit_test_organisation_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_visit_test")),
    )
    op.create_index(
        op.f("ix_visit_test_device_id_of_boot_of_seq"),
        "visit_test",
        ["device_id", "of_boot", "of_seq"],
    )
    op.create_table(
        "visit_touch",
        sa.Column("event_id", ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=True),
        sa.Column("card", sa.LargeBinary(10), nullable=False),
        sa.Column("card_id", OPAQUE, nullable=True),
        sa.Column("begins", sa.SmallInteger(), nullable=False),
        sa.Column("taps", sa.SmallInteger(), nullable=False),
        sa.Column("of_boot", sa.BigInteger(), nullable=True),
        sa.Column("of_seq", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=True),
        sa.Column("planned_id", OPAQUE, nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "verdict = 'verified' OR verdict = 'plain' OR verdict = 'unknown_card'"
            " OR verdict = 'unchecked' OR verdict = 'no_proof'"
            " OR verdict = 'wrong_proof' OR verdict = 'replayed'",
            name=op.f("ck_visit_touch_verdict"),
        ),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_visit_touch_card_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_visit_touch_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_visit_touch_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_visit_touch_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["planned_id"], ["planned_visit.id"], name=op.f("fk_visit_touch_planned_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_visit_touch")),
    )
    op.create_index(op.f("ix_visit_touch_at_ms"), "visit_touch", ["at_ms"])
    op.create_index(op.f("ix_visit_touch_person_id_at_ms"), "visit_touch", ["person_id", "at_ms"])
    op.create_index(
        "ix_visit_touch_planned",
        "visit_touch",
        ["planned_id"],
        sqlite_where=sa.text("planned_id IS NOT NULL"),
        postgresql_where=sa.text("planned_id IS NOT NULL"),
    )
