# SPDX-License-Identifier: Apache-2.0
"""What bands say of being worn. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "wear_sighting",
        sa.Column("event_id", ROW_NUMBER, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("person_id", OPAQUE, nullable=True),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_wear_sighting_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_wear_sighting_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_wear_sighting_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_wear_sighting_person_id")
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_wear_sighting")),
    )
    op.create_index(
        op.f("ix_wear_sighting_person_id_at_ms"), "wear_sighting", ["person_id", "at_ms"]
    )
