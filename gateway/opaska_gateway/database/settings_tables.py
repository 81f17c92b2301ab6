# SPDX-License-Identifier: Apache-2.0
"""The table of band settings: every version that a band was to have, or said it has."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    Table,
)

from opaska_gateway.database.columns import U32, Opaque, metadata, ms, owner

band_settings = Table(  # the highest version of a band is the desired one
    "band_settings",
    metadata,
    Column("device_id", Opaque, ForeignKey("device.id"), nullable=False),
    Column("version", U32, nullable=False),  # as on the wire; 0 = the band's defaults
    owner(),
    Column("settings", JSON(none_as_null=True)),  # others are defaults; NULL = nobody knows
    ms("created_ms"),
    Column("orders", Integer, nullable=False),  # that carried it since the band said another
    ms("ordered_ms", nullable=True),  # the latest of them
    ms("reported_ms", nullable=True),  # in force since then; the latest one is so now
    PrimaryKeyConstraint("device_id", "version"),
    CheckConstraint("version BETWEEN 0 AND 4294967295", name="version"),
)
