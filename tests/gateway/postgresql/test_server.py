# SPDX-License-Identifier: Apache-2.0
"""What is PostgreSQL's own: its steps, its durability, its turns, and a server that goes away."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from opaska_gateway import pipeline as pipeline_module
from opaska_gateway.database import audit, postgresql
from opaska_gateway.database.engine import Database
from opaska_gateway.database.migrate import MIGRATIONS, configuration
from opaska_gateway.database.sickness import sickness
from opaska_gateway.database.tables import metadata
from opaska_gateway.errors import ConfigurationError, GatewayError
from opaska_gateway.pipeline import Pipeline
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import open_store
from opaska_protocol import answers
from tests.support.pipeline_runs import decided, running
from tests.support.until import until

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from tests.support.gateway_core import Core
    from tests.support.postgresql import PostgreSQL

STEPS = [step.revision for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
MADE = "INSERT INTO organisation (id, name, time_zone, created_ms) VALUES (:id, :name, 'UTC', 1)"


def _differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def _plain(url: str) -> Engine:
    """Another program on the same database."""
    return create_engine(make_url(url).set(drivername=postgresql.DRIVER), poolclass=NullPool)


async def test_a_database_of_any_version_gets_the_declared_tables_and_keeps_its_rows(
    server: PostgreSQL,
) -> None:
    """A gateway of each version before has opened it, one after the other."""
    url = server.new_database()
    with _plain(url).connect() as old:
        for step in STEPS[:-1]:
            command.upgrade(configuration(old), step)
            old.execute(text(MADE), {"id": step.encode(), "name": step})
            old.commit()
    async with Database(url) as database, database.read() as connection:
        assert await connection.run_sync(_differences) == []
        kept = await connection.execute(text("SELECT name FROM organisation ORDER BY name"))
        assert kept.scalars().all() == STEPS[:-1]


async def test_a_server_that_forgets_at_a_power_cut_is_refused(server: PostgreSQL) -> None:
    url = server.new_database()
    server.run(f"ALTER DATABASE {make_url(url).database} SET synchronous_commit = off")
    database = Database(url)
    with pytest.raises(GatewayError, match="synchronous_commit = on"):
        await database.__aenter__()
    await database.__aexit__()


async def test_writers_of_two_programs_keep_one_chain(url: str, heart: Core) -> None:
    """As the service and a command beside it: each reads the last line before it adds one."""

    def add(connection: Connection) -> None:
        audit.append_now(connection, [audit.Entry(None, "cli", "x", "device:01")])

    async with Database(url) as other:
        both = (heart.database, other)
        await asyncio.gather(*(one.transact(add) for one in both for _ in range(25)))
    async with heart.database.read() as connection:
        assert await audit.first_break(connection) is None
    assert await heart.rows("SELECT count(*) FROM audit") == [(50,)]


async def test_a_reader_sees_one_moment_and_never_writes(heart: Core) -> None:
    async with heart.database.read() as connection:
        before = (await connection.execute(text("SELECT count(*) FROM device"))).scalar()
        await heart.add_band()
        assert (await connection.execute(text("SELECT count(*) FROM device"))).scalar() == before
        with pytest.raises(Exception, match="read-only"):
            await connection.execute(text("DELETE FROM device"))


async def test_a_writer_that_does_not_end_is_waited_for(
    url: str, heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "RETRY_FIRST_S", 0.02)
    band = await heart.add_band()
    with _plain(url).connect() as other:
        other.exec_driver_sql(f"SELECT pg_advisory_xact_lock({postgresql.WRITERS_TURN})")
        async with running(Pipeline(heart.context)) as pipeline:
            waiting = asyncio.create_task(decided(pipeline, [heart.arrival(band, band.sos())]))
            await until(lambda: pipeline.sick, "the pipeline notices the lock")
            assert pipeline.sick == "another program holds the database"
            assert band.answers == []
            other.rollback()
            await waiting
    assert band.states() == [answers.STORED]


async def test_an_sos_waits_for_a_server_that_is_away_and_is_then_stored_once(
    server: PostgreSQL, heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "RETRY_FIRST_S", 0.02)
    monkeypatch.setattr(pipeline_module, "RETRY_LAST_S", 0.05)
    band = await heart.add_band()
    arrivals = [heart.arrival(band, band.sos()) for _ in range(5)]
    async with running(Pipeline(heart.context)) as pipeline:
        await decided(pipeline, arrivals[:1])
        await asyncio.to_thread(server.stop)
        waiting = asyncio.create_task(decided(pipeline, arrivals[1:]))
        await until(lambda: pipeline.sick, "the pipeline notices the loss")
        assert pipeline.sick == "the connection to the database is lost"
        assert [event[1] for event in band.answers] == [1]
        await asyncio.to_thread(server.start)
        await waiting
    assert [event.seq for event in await heart.events()] == [1, 2, 3, 4, 5]


async def test_a_standby_is_let_go_and_its_primary_looked_for(
    server: PostgreSQL, url: str, heart: Core
) -> None:
    """As after a failover: the server answers, and this connection never takes a write again."""
    await heart.add_band()
    mode = f"ALTER DATABASE {make_url(url).database} {{}} default_transaction_read_only"
    await asyncio.to_thread(server.run, mode.format("SET") + " = on")
    try:
        await asyncio.to_thread(server.run, HANG_UP)
        with pytest.raises(DBAPIError):
            await heart.add_band()
        with pytest.raises(DBAPIError, match="read-only") as standby:
            await heart.add_band()
    finally:
        await asyncio.to_thread(server.run, mode.format("RESET"))
    assert sickness(standby.value), "bands wait for it, and no report is given up"
    await heart.add_band()


async def test_a_server_whose_machine_vanishes_is_missed_within_seconds(
    server: PostgreSQL, url: str
) -> None:
    async with (
        server.over_tcp(url) as address,
        Database(address) as database,
        database.read() as reader,
    ):
        raw = await reader.get_raw_connection()
        sockets = [await database.transact(_socket), _tcp(raw.driver_connection)]
    for user_timeout_ms, keep_alive_after_s, keep_alive_every_s in sockets:
        assert 0 < user_timeout_ms <= 15_000
        assert keep_alive_after_s + keep_alive_every_s <= 15


def _socket(connection: Connection) -> tuple[int, int, int]:
    return _tcp(connection.connection.driver_connection)


def _tcp(driver_connection: Any) -> tuple[int, int, int]:
    """What the kernel does with a connection on which nobody answers: ms, s, s."""
    with socket.socket(fileno=os.dup(driver_connection.pgconn.socket)) as tcp:
        ask = partial(tcp.getsockopt, socket.IPPROTO_TCP)
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        return (
            ask(socket.TCP_USER_TIMEOUT),
            ask(socket.TCP_KEEPIDLE),
            ask(socket.TCP_KEEPINTVL),
        )


async def test_destroyed_keys_leave_the_tables(server: PostgreSQL, url: str, heart: Core) -> None:
    """Their bytes stand in the file of the table as it was, and not as it is written anew."""
    await heart.add_band()
    ((wrapped,),) = await heart.rows("SELECT wrapped_key FROM person")
    destroy = text("UPDATE person SET wrapped_key = NULL, erased_ms = 1")
    await heart.database.transact(lambda now: now.execute(destroy).close())

    async def on_disk() -> bytes:
        server.run("CHECKPOINT")
        ((file,),) = await heart.rows("SELECT pg_relation_filepath('person')")
        return await asyncio.to_thread((server.data / str(file)).read_bytes)

    assert wrapped in await on_disk()
    assert await heart.database.forget_traces()
    assert wrapped not in await on_disk()
    with _plain(url).connect() as other:
        other.execute(text("SELECT * FROM person"))
        assert not await heart.database.forget_traces(), "somebody reads"


@pytest.mark.parametrize(
    ("change", "error", "advice"),
    [
        ({"database": "nowhere"}, GatewayError, "nowhere"),
        ({"query": {"host": "/nowhere"}}, GatewayError, "start the server"),
    ],
)
async def test_an_address_where_no_database_answers_is_one_line(
    url: str, tmp_path: Path, change: dict[str, Any], error: type[Exception], advice: str
) -> None:
    wrong = make_url(url).set(**change).render_as_string()
    settings = StorageSettings(database_url=wrong, key_file=tmp_path / "key")
    with pytest.raises(error, match=advice) as refused:
        async with open_store(settings):
            pass
    assert "\n" not in str(refused.value)
    assert "storage.database_url" in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ("nonsense", "no address"),
        ("mysql://x@y/z", "mysql is not supported"),
        ("postgresql+asyncpg://x@y/z", "postgresql://USER@HOST"),
        ("postgresql://x:secret@y/z", "passfile"),
        ("postgresql://x@y/z?password=secret", "passfile"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_advice(wrong: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        StorageSettings(database_url=wrong)


async def test_a_database_of_somebody_else_is_refused(server: PostgreSQL, tmp_path: Path) -> None:
    url = server.new_database()
    server.run("CREATE TABLE alembic_version (version_num text)", str(make_url(url).database))
    server.run("INSERT INTO alembic_version VALUES ('other')", str(make_url(url).database))
    settings = StorageSettings(database_url=url, key_file=tmp_path / "key")
    with pytest.raises(ConfigurationError, match="another version"):
        async with open_store(settings):
            pass
