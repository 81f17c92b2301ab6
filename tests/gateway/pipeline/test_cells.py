# SPDX-License-Identifier: Apache-2.0
"""Two gateways on one database: the unique key, not luck, keeps a report single."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from opaska_gateway.pipeline import Pipeline
from opaska_protocol import answers
from tests.support.gateway_core import Core
from tests.support.pipeline_runs import decided, running

if TYPE_CHECKING:
    from sqlalchemy import Connection

COPIES = 20


async def _race(heart: Core) -> int:
    """The same reports through two cells at once; how many were stored twice."""
    band = await heart.add_band()
    frames = [band.sos() for _ in range(COPIES)]
    cells = [Pipeline(heart.context), Pipeline(heart.new_context())]
    async with running(cells[0]), running(cells[1]):
        await asyncio.gather(
            *(decided(cell, [heart.arrival(band, one) for one in frames]) for cell in cells)
        )
    events = await heart.events()
    assert {event.seq for event in events} == set(range(1, COPIES + 1))
    for seq in range(1, COPIES + 1):
        assert set(band.states(seq)) == {answers.STORED}
    return len(events) - COPIES


async def test_two_cells_store_a_report_once(heart: Core) -> None:
    assert await _race(heart) == 0
    assert len(await heart.cases()) == 1
    assert len(await heart.rows("SELECT id FROM outbox")) == COPIES


async def test_a_missing_unique_key_is_caught(heart: Core) -> None:
    await heart.database.transact(_without_unique_key)
    with pytest.raises(AssertionError):
        assert await _race(heart) == 0


def _without_unique_key(connection: Connection) -> None:
    """A planted bug: the table of events as it would be without its key."""
    query = "SELECT sql FROM sqlite_master WHERE name = 'event'"
    sql = str(connection.execute(text(query)).scalar())
    key = r"CONSTRAINT uq_event_device_id_generation_boot_seq UNIQUE \([^)]*\)"
    without, removed = re.subn(rf",\s*{key}|{key}\s*,?", "", sql)
    assert removed == 1
    connection.execute(text("DROP TABLE event"))
    connection.execute(text(without))
