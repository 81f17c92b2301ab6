# SPDX-License-Identifier: Apache-2.0
"""Settings of bands, by version. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)


def upgrade() -> None:
    op.create_table(
        "band_settings",
        sa.Column("device_id", OPAQUE, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("settings", sa.JSON(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("ordered_ms", sa.BigInteger(), nullable=True),
        sa.Column("reported_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "version BETWEEN 0 AND 4294967295", name=op.f("ck_band_settings_version")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_band_settings_device_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_band_settings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("device_id", "version", name=op.f("pk_band_settings")),
    )
