# SPDX-License-Identifier: Apache-2.0
"""Silent bands, outages and absences. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "listening",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("heard_until_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_listening_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listening")),
    )
    op.create_table(
        "absence",
        sa.Column("id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("to_ms > from_ms", name=op.f("ck_absence_interval")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_absence_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_absence_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index(op.f("ix_absence_to_ms"), "absence", ["to_ms"])
    op.create_table(
        "watched_band",
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("assignment_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("municipality_id", OPAQUE, nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("period_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_word_ms", sa.BigInteger(), nullable=True),
        sa.Column("quiet_since_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_watched_band_assignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_watched_band_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["municipality_id"], ["organisation.id"], name=op.f("fk_watched_band_municipality_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_watched_band_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_watched_band_person_id")
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_watched_band")),
    )
    op.create_index(op.f("ix_watched_band_quiet_since_ms"), "watched_band", ["quiet_since_ms"])
    op.create_table(
        "outage",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("bands", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("event_id", ROW_NUMBER, nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "level = 'area' OR level = 'municipality' OR level = 'organisation'",
            name=op.f("ck_outage_level"),
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_outage_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_outage_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
    )
    op.create_index(
        "uq_outage_open",
        "outage",
        ["organisation_id", "level", "place"],
        unique=True,
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )
    op.create_table(
        "silence",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("assignment_id", OPAQUE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("missing_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("outage_id", ROW_NUMBER, nullable=True),
        sa.Column("event_id", ROW_NUMBER, nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'missing' OR state = 'silent') = (ended_ms IS NULL)",
            name=op.f("ck_silence_ended"),
        ),
        sa.CheckConstraint(
            "state <> 'silent' OR raised_ms IS NOT NULL", name=op.f("ck_silence_raised")
        ),
        sa.CheckConstraint(
            "state = 'missing' OR state = 'silent' OR state = 'returned' OR state = 'suspended'"
            " OR state = 'released'",
            name=op.f("ck_silence_state"),
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_silence_assignment_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_silence_device_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_silence_event_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_silence_organisation_id")
        ),
        sa.ForeignKeyConstraint(["outage_id"], ["outage.id"], name=op.f("fk_silence_outage_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_silence_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index(
        op.f("ix_silence_device_id_missing_ms"),
        "silence",
        ["device_id", "missing_ms"],
    )
    op.create_index(
        "ix_silence_outage",
        "silence",
        ["outage_id"],
        sqlite_where=sa.text("outage_id IS NOT NULL"),
        postgresql_where=sa.text("outage_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_silence_raised_ms"), "silence", ["raised_ms"])
    op.create_index(
        "uq_silence_open",
        "silence",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("ended_ms IS NULL"),
        postgresql_where=sa.text("ended_ms IS NULL"),
    )
    op.add_column("place", sa.Column("area", sa.Text(), nullable=True))
