# SPDX-License-Identifier: Apache-2.0
"""Ten thousand bands: a look finds the quiet ones by an index, and an outage of all is one."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.dialects import sqlite

from opaska_gateway import clock
from opaska_gateway.database import silences, tables
from tests.support.silence import days

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days

MANY = 10_000
MOST_S = 60.0  # for a look; it takes tenths of a second, on a machine that does nothing else


def _assign_many(like: CoreBand, connection: Connection) -> None:
    """Bands as this one, worn since yesterday by somebody each."""
    assignment = tables.assignment
    one = connection.execute(
        select(assignment).where(assignment.c.id == like.assignment_id)
    ).mappings()
    row = dict(one.one())
    devices: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    assignments: list[dict[str, Any]] = []
    owned = {"organisation_id": like.organisation_id, "created_ms": row["from_ms"]}
    for _ in range(MANY - 1):
        device_id, person_id, kid = uuid4().bytes, uuid4().bytes, os.urandom(8)
        devices.append({"id": device_id, "kid": kid, "label": kid.hex(), **owned})
        people.append({"id": person_id, "wrapped_key": b"x", **owned})
        new = {"id": uuid4().bytes, "device_id": device_id, "person_id": person_id}
        assignments.append({**row, **new})
    connection.execute(insert(tables.device), devices)
    connection.execute(insert(tables.person), people)
    connection.execute(insert(assignment), assignments)


async def _timed_look(here: Days, what: str) -> None:
    began_s = time.perf_counter()
    await here.look()
    took_s = time.perf_counter() - began_s
    print(f"{what}: {took_s:.3f} s")  # noqa: T201 - pytest -s shows it; docs/figures.md has it
    assert took_s < MOST_S


async def _count(heart: Core, table: Any, *where: Any) -> int:
    async with heart.database.read() as connection:
        query = select(func.count()).select_from(table).where(*where)
        return int((await connection.execute(query)).scalar_one())


async def test_ten_thousand_bands_are_looked_after_and_their_outage_is_one(heart: Core) -> None:
    first = await heart.add_band()
    await heart.database.transact(partial(_assign_many, first))
    with days(heart) as here:
        await _timed_look(here, "the first look, which takes all of them on")
        await _timed_look(here, "a look at nothing new")
        ids = [row[0] for row in await heart.rows("SELECT device_id FROM watched_band")]
        assert len(ids) == MANY
        for device_id in ids:
            heart.context.words.hear(device_id, clock.now_ms())
        await _timed_look(here, "a look when all have spoken")
        here.skip(1.5)
        await heart.context.changed_elsewhere()
        await _timed_look(here, "a look when the register has changed")
        for _ in range(10):
            here.skip(1.8)
            await here.look()
        here.skip(1.9)
        await _timed_look(here, "the look that finds all missing")
        missing = tables.silence.c.state == "missing"
        assert await _count(heart, tables.silence, missing) == MANY
        for _ in range(19):
            here.skip(1.9)
            await here.look()
        here.skip(1.9)
        await _timed_look(here, "the look that tells their outage")
        assert await here.told() == [("band_outage", False)]
        silent = tables.silence.c.state == "silent"
        assert await _count(heart, tables.silence, silent) == MANY
        for device_id in ids:
            heart.context.words.hear(device_id, clock.now_ms())
        await _timed_look(here, "the look at which all are back")
        assert await _count(heart, tables.silence, tables.silence.c.ended_ms.is_(None)) == 0


def _unnoticed() -> Any:
    return select(tables.watched_band.c.device_id).where(silences._unnoticed(10**12, 1_200_000))


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (_unnoticed(), ("ix_watched_band_quiet_since_ms", "uq_silence_open")),
        (silences._open_ones(10**12), ("uq_silence_open", "sqlite_autoindex_watched_band_1")),
    ],
)
async def test_the_quiet_and_the_open_ones_are_found_by_their_index(
    heart: Core, query: Any, indexes: tuple[str, ...]
) -> None:
    statement = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    plan = " ".join(row.detail for row in await heart.rows(f"EXPLAIN QUERY PLAN {statement}"))
    for index in indexes:
        assert index in plan, plan
