# SPDX-License-Identifier: Apache-2.0
"""Whether somebody fell, as a human says. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)


def upgrade() -> None:
    op.create_table(
        "fall_label",
        sa.Column("case_id", OPAQUE, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("fell", sa.Text(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "fell = 'yes' OR fell = 'no' OR fell = 'unknown'", name=op.f("ck_fall_label_fell")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["care_case.id"], name=op.f("fk_fall_label_case_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_fall_label_organisation_id")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_fall_label")),
    )
