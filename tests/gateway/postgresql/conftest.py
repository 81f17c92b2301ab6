# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL for all tests of a worker, with one database, which is empty for each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from sqlalchemy import text

from opaska_gateway.database.engine import Database
from opaska_gateway.database.tables import metadata
from tests.support.gateway_core import Core, core
from tests.support.postgresql import PostgreSQL

COUNT_ANEW = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"


@pytest.fixture(scope="session")
def server() -> Generator[PostgreSQL]:
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(server: PostgreSQL) -> str:
    """The address of a database whose tables the first test makes."""
    return server.new_database()


@pytest.fixture
async def url(migrated: str) -> str:
    """Of a database with the newest tables and no row; emptied, since a new one costs a second."""
    async with Database(migrated) as database, database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
        await connection.execute(text(COUNT_ANEW))
    return migrated


@pytest.fixture
async def heart(tmp_path: Path, url: str) -> AsyncGenerator[Core]:
    """As that of the tests on SQLite, which therefore run here as well."""
    async with core(tmp_path, url) as heart:
        yield heart
