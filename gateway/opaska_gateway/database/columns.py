# SPDX-License-Identifier: Apache-2.0
"""What the tables are made of: columns of the same name mean the same everywhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID_BYTES = 16  # opaque ids are uuid4 bytes
Milliseconds = BigInteger
Opaque = LargeBinary(ID_BYTES)
RowNumber = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only plain INTEGER
U32 = BigInteger  # boot and seq of a band need the full 32 bits


def id_() -> Column[Any]:
    """Sixteen random bytes that say nothing."""
    return Column("id", Opaque, primary_key=True)


def number() -> Column[Any]:
    """A number that counts up."""
    return Column("id", RowNumber, primary_key=True, autoincrement=True)


def owner(*, nullable: bool = False) -> Column[Any]:
    """The organisation whose row it is."""
    return Column("organisation_id", Opaque, ForeignKey("organisation.id"), nullable=nullable)


def ref(name: str, table: str, *, nullable: bool = False) -> Column[Any]:
    """The id of a row of another table."""
    return Column(name, Opaque, ForeignKey(f"{table}.id"), nullable=nullable)


def ms(name: str, *, nullable: bool = False) -> Column[Any]:
    """A time in milliseconds since 1970 UTC."""
    return Column(name, Milliseconds, nullable=nullable)


def unique_where(name: str, *columns: str, where: str) -> Index:
    """Unique among the rows for which this holds."""
    condition = text(where)
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


def index_where(name: str, *columns: str, where: str) -> Index:
    """An index of the rows for which this holds."""
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def one_of(column: str, *words: str) -> CheckConstraint:
    """Only these words. Written with OR: SQLite builds a table for IN, 4 us for each row."""
    return CheckConstraint(" OR ".join(f"{column} = '{word}'" for word in words), name=column)
