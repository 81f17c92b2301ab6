# SPDX-License-Identifier: Apache-2.0
"""The numbered migrations make exactly the tables that the code believes in."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from opaska_gateway.database.engine import Database
from opaska_gateway.database.migrate import MIGRATIONS, NEWEST, configuration
from opaska_gateway.database.tables import metadata
from opaska_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from sqlalchemy.schema import DDLElement


def _url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'opaska.db'}"


def _differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "render_as_batch": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_migrated_tables_are_the_declared_ones(tmp_path: Path) -> None:
    async with Database(_url(tmp_path)) as database, database.read() as connection:
        assert await connection.run_sync(_differences) == []


async def test_migrated_checks_are_the_declared_ones(tmp_path: Path) -> None:
    """Alembic compares no CHECK constraints, so compare them in the stored SQL."""
    async with Database(_url(tmp_path)) as database, database.read() as connection:
        query = text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        stored = {row.name: " ".join(row.sql.split()) for row in await connection.execute(query)}
    for table in metadata.sorted_tables:
        checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        for check in checks:
            assert f"CONSTRAINT {check.name} CHECK ({check.sqltext})" in stored[table.name]
        assert stored[table.name].count(" CHECK (") == len(checks)


async def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    async with Database(_url(tmp_path)):
        pass
    async with Database(_url(tmp_path)) as database, database.read() as connection:
        assert await connection.run_sync(_differences) == []


async def test_commits_are_durable_and_keys_are_checked(tmp_path: Path) -> None:
    async with Database(_url(tmp_path)) as database:
        for side in (database.read, database.write):
            async with side() as connection:
                wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
                for name, value in wanted.items():
                    assert (await connection.execute(text(f"PRAGMA {name}"))).scalar() == value


def test_the_newest_step_is_known_without_alembic() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [NEWEST]


async def test_a_database_of_a_later_version_is_refused_with_advice(tmp_path: Path) -> None:
    async with Database(_url(tmp_path)) as database:
        later = text("UPDATE alembic_version SET version_num = '9999'")
        await database.transact(lambda connection: connection.execute(later).close())
    database = Database(_url(tmp_path))
    with pytest.raises(GatewayError, match="another version"):
        await database.__aenter__()
    await database.__aexit__()


async def test_a_database_of_the_first_version_keeps_its_rows(tmp_path: Path) -> None:
    """As after an upgrade of the gateway."""
    with create_engine(f"sqlite:///{tmp_path / 'opaska.db'}").connect() as old:
        command.upgrade(configuration(old), "0001")
        old.execute(text("INSERT INTO organisation VALUES (X'01', 'Centre', 'UTC', NULL, 1)"))
        old.commit()
    async with Database(_url(tmp_path)) as database, database.read() as connection:
        assert await connection.run_sync(_differences) == []
        kept = await connection.execute(text("SELECT name FROM organisation"))
        assert kept.scalars().all() == ["Centre"]


def test_migrated_tables_are_the_declared_ones_on_postgresql_too() -> None:
    """By the SQL, offline: the same statements, whatever the order of their lines."""
    tables = metadata.sorted_tables
    indexes = [index for table in tables for index in table.indexes]
    statements: list[DDLElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    wanted = [str(one.compile(dialect=dialect)) for one in statements]
    assert sorted(map(_lines, _migrated_on_postgresql())) == sorted(map(_lines, wanted))


def _migrated_on_postgresql() -> list[str]:
    """What the numbered steps say to PostgreSQL, by statement."""
    said = StringIO()
    options = {"as_sql": True, "output_buffer": said}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        for step in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())):
            step.module.upgrade()
    return _with_added_columns(one.strip() for one in said.getvalue().split(";") if one.strip())


def _with_added_columns(statements: Iterable[str]) -> list[str]:
    """As if a column that a later step adds had stood in its table from the beginning."""
    made: dict[str, str] = {}
    for statement in statements:
        added = re.fullmatch(r"ALTER TABLE (\w+) ADD COLUMN (.+)", statement, re.DOTALL)
        if added:
            made[f"CREATE TABLE {added[1]} ("] += f"\n{added[2]}"
        else:
            made[statement.splitlines()[0]] = statement
    return list(made.values())


def _lines(statement: str) -> list[str]:
    return sorted(line.strip().rstrip(",") for line in statement.splitlines() if line.strip())
