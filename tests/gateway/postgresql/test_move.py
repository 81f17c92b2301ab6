# SPDX-License-Identifier: Apache-2.0
"""An operator who grew takes everything along: every row, and where counting goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from opaska_gateway import desk
from opaska_gateway.database import audit
from opaska_gateway.database.engine import Database
from opaska_gateway.database.tables import metadata
from opaska_protocol import answers, reports
from tests.gateway.cli.conftest import run, settings_file
from tests.support.gateway_core import Core, core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.gateway.cli.conftest import Run

__all__ = ["run", "settings_file"]


async def _all_rows(database: Database) -> dict[str, list[Any]]:
    async with database.read() as connection:
        return {
            table.name: list(
                await connection.execute(select(table).order_by(*table.primary_key.columns))
            )
            for table in metadata.sorted_tables
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path


async def test_everything_is_taken_along_and_goes_on(
    folder: Path, settings_file: Path, url: str, run: Run
) -> None:
    async with core(folder / "var") as old:
        (folder / "var" / "key").rename(folder / "var" / "opaska.key")
        band = await old.add_band()
        worn = band.seal(reports.WEAR, uptime_ms=6_000, state=reports.WORN, since_ms=5_500)
        await bring(old, (band, band.sos()), (band, worn), (band, b"\xff"))
        for outcome in ("helped", "not_needed"):
            (*_, case) = await old.cases()
            await desk.take(old.context, case.id, "dispatcher-1")
            await desk.close(old.context, case.id, "dispatcher-1", outcome)
            await bring(old, (band, band.sos()))
        before = await _all_rows(old.database)
    assert settings_file.parent == folder
    moved = await asyncio.to_thread(run, "database", "move", url)
    assert moved.exit_code == 0, moved.stderr
    async with Database(url) as database:
        assert await _all_rows(database) == before
        async with database.read() as connection:
            assert await audit.first_break(connection) is None
        new = Core(database, old.vault)
        new.bands = old.bands
        await bring(new, (band, band.sos()))
        assert band.states() == [answers.STORED]
    again = await asyncio.to_thread(run, "database", "move", url)
    assert again.exit_code == 1
    assert "not empty" in again.stderr


@pytest.mark.parametrize(
    ("words", "advice"),
    [("nonsense", "postgresql://USER@HOST"), ("postgresql://x@/y?host=/nowhere", "reached")],
)
def test_where_nothing_can_be_moved_to_is_said_in_one_line(
    run: Run, words: str, advice: str
) -> None:
    refused = run("database", "move", words)
    assert refused.exit_code == 1
    assert advice in refused.stderr
    assert refused.stderr.count("\n") == 1
