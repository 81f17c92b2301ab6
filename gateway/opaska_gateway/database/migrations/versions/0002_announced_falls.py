# SPDX-License-Identifier: Apache-2.0
"""Falls that bands have announced. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "announced_fall",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", ROW_NUMBER, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("announced_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("still", sa.SmallInteger(), nullable=True),
        sa.Column("cancelled_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_by_event_id", ROW_NUMBER, nullable=True),
        sa.CheckConstraint(
            "state = 'announced' OR state = 'cancelled' OR state = 'raised'",
            name=op.f("ck_announced_fall_state"),
        ),
        sa.CheckConstraint(
            "state <> 'announced' OR (event_id IS NOT NULL AND announced_ms IS NOT NULL"
            " AND due_ms IS NOT NULL)",
            name=op.f("ck_announced_fall_deadline"),
        ),
        sa.CheckConstraint(
            "(state = 'announced') = (settled_ms IS NULL)", name=op.f("ck_announced_fall_settled")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_announced_fall_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_announced_fall_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_announced_fall_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["settled_by_event_id"],
            ["event.id"],
            name=op.f("fk_announced_fall_settled_by_event_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announced_fall")),
        sa.UniqueConstraint(
            "device_id",
            "generation",
            "boot",
            "seq",
            name=op.f("uq_announced_fall_device_id_generation_boot_seq"),
        ),
    )
    op.create_index(
        "ix_announced_fall_due",
        "announced_fall",
        ["due_ms"],
        sqlite_where=sa.text("state = 'announced'"),
        postgresql_where=sa.text("state = 'announced'"),
    )
