# SPDX-License-Identifier: Apache-2.0
"""The chain of the audit: what was changed, removed or slipped in is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from opaska_gateway.database import audit
from opaska_gateway.database.audit import Entry

if TYPE_CHECKING:
    from tests.support.gateway_core import Core

LINES = [
    Entry(None, "cli", "band_added", "device:01", to_value="aa"),
    Entry(None, "cli", "band_assigned", "assignment:02", from_value="", to_value=None),
    Entry(None, "cli", "person_erased", "person:03", why="asked for it"),
]


async def _write(heart: Core) -> None:
    for entry in LINES:
        async with heart.database.write() as connection:
            await audit.append(connection, [entry])
    async with heart.database.write() as connection:
        await audit.append(connection, LINES)


async def _first_break(heart: Core) -> int | None:
    async with heart.database.read() as connection:
        return await audit.first_break(connection)


async def test_an_untouched_chain_holds(heart: Core) -> None:
    assert await _first_break(heart) is None
    await _write(heart)
    assert await _first_break(heart) is None
    assert len(await heart.rows("SELECT id FROM audit")) == 6


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE id = 3", 3),
        ("UPDATE audit SET at_ms = at_ms + 1 WHERE id = 1", 1),
        ("UPDATE audit SET from_value = NULL WHERE id = 2", 2),
        ("UPDATE audit SET what = 'band_adde', subject = 'ddevice:01' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 4", 5),
        ("DELETE FROM audit WHERE id = 1", 2),
    ],
)
async def test_tampering_is_found_where_it_was_done(
    heart: Core, tampering: str, broken: int
) -> None:
    await _write(heart)
    async with heart.database.write() as connection:
        await connection.execute(text(tampering))
    assert await _first_break(heart) == broken


async def test_a_refused_change_leaves_no_line(heart: Core) -> None:
    async def refused() -> None:
        async with heart.database.write() as connection:
            await audit.append(connection, LINES)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refused()
    assert await heart.rows("SELECT id FROM audit") == []
