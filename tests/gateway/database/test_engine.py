# SPDX-License-Identifier: Apache-2.0
"""A transaction is kept whole or not at all, and one writer does not see another's half."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, insert, text

from opaska_gateway.database.sickness import SQLITE_SICK, sickness
from opaska_gateway.database.tables import organisation

if TYPE_CHECKING:
    from tests.support.gateway_core import Core


def _add(connection: Connection) -> None:
    connection.execute(
        insert(organisation).values(id=bytes(16), name="x", time_zone="UTC", created_ms=0)
    )


def _add_and_fail(connection: Connection) -> None:
    _add(connection)
    raise ZeroDivisionError


async def test_what_fails_leaves_nothing(heart: Core) -> None:
    with pytest.raises(ZeroDivisionError):
        await heart.database.transact(_add_and_fail)
    with pytest.raises(ZeroDivisionError):
        async with heart.database.write() as connection:
            await connection.run_sync(_add_and_fail)
    assert await heart.rows("SELECT id FROM organisation") == []
    await heart.database.transact(_add)
    assert len(await heart.rows("SELECT id FROM organisation")) == 1


async def test_both_kinds_of_writers_take_turns(heart: Core) -> None:
    await heart.database.transact(_add)

    def count(connection: Connection) -> None:
        name = connection.execute(text("SELECT name FROM organisation")).scalar()
        connection.execute(text("UPDATE organisation SET name = :name"), {"name": f"{name}x"})

    async def slowly() -> None:
        async with heart.database.write() as connection:
            name = (await connection.execute(text("SELECT name FROM organisation"))).scalar()
            await asyncio.sleep(0)
            changed = {"name": f"{name}x"}
            await connection.execute(text("UPDATE organisation SET name = :name"), changed)

    await asyncio.gather(*(heart.database.transact(count) for _ in range(20)))
    await asyncio.gather(
        *(heart.database.transact(count) for _ in range(10)), *(slowly() for _ in range(10))
    )
    assert await heart.rows("SELECT length(name) FROM organisation") == [(41,)]


async def test_foreign_keys_and_checks_are_enforced_for_both_kinds_of_writers(
    heart: Core,
) -> None:
    orphan = text("INSERT INTO device_key VALUES (:id, 1, :id, :id, 1, NULL)")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await heart.database.transact(lambda c: c.execute(orphan, {"id": bytes(16)}).close())
    with pytest.raises(Exception, match="FOREIGN KEY"):
        async with heart.database.write() as connection:
            await connection.execute(orphan, {"id": bytes(16)})


async def test_a_fault_of_the_statement_is_no_sickness_of_the_database(heart: Core) -> None:
    for statement in ("SELECT nonsense", "INSERT INTO organisation (id) VALUES (NULL)"):
        with pytest.raises(Exception, match=r"organisation|nonsense") as failed:
            await heart.database.transact(
                lambda c, statement=statement: c.execute(text(statement)).close()  # type: ignore[misc]
            )
        assert sickness(failed.value) is None
    assert sickness(ValueError()) is None
    assert len(SQLITE_SICK) == 7
