# SPDX-License-Identifier: Apache-2.0
"""Names of services, and visits noted by hand. Never edited again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPAQUE = sa.LargeBinary(16)
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "service_name",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("service", sa.SmallInteger(), nullable=False),
        sa.Column("polish", sa.Text(), nullable=True),
        sa.Column("english", sa.Text(), nullable=True),
        sa.Column("ukrainian", sa.Text(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("service BETWEEN 1 AND 99", name=op.f("ck_service_name_service")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_service_name_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_name")),
    )
    op.create_index(
        op.f("ix_service_name_organisation_id_service"),
        "service_name",
        ["organisation_id", "service"],
    )
    op.create_table(
        "visit_by_hand",
        sa.Column("id", ROW_NUMBER, autoincrement=True, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("carer_id", OPAQUE, nullable=False),
        sa.Column("service", sa.SmallInteger(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("away", sa.SmallInteger(), nullable=True),
        sa.Column("planned_id", OPAQUE, nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("service BETWEEN 1 AND 99", name=op.f("ck_visit_by_hand_service")),
        sa.CheckConstraint("to_ms > from_ms", name=op.f("ck_visit_by_hand_interval")),
        sa.ForeignKeyConstraint(
            ["carer_id"], ["carer.id"], name=op.f("fk_visit_by_hand_carer_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_visit_by_hand_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_visit_by_hand_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["planned_id"], ["planned_visit.id"], name=op.f("fk_visit_by_hand_planned_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_by_hand")),
    )
    op.create_index(op.f("ix_visit_by_hand_from_ms"), "visit_by_hand", ["from_ms"])
    op.create_table(
        "by_hand_withdrawal",
        sa.Column("visit_id", ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation_id", OPAQUE, nullable=False),
        sa.Column("person_id", OPAQUE, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_by_hand_withdrawal_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_by_hand_withdrawal_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit_by_hand.id"], name=op.f("fk_by_hand_withdrawal_visit_id")
        ),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_by_hand_withdrawal")),
    )
