# SPDX-License-Identifier: Apache-2.0
"""What waits too long in the database is told with what to do, and nothing else is a trouble."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiosqlite
import pytest
from sqlalchemy import text

from opaska_gateway import clock, desk
from opaska_gateway.health import records
from opaska_gateway.health.line import AHEAD_MS, is_old
from opaska_gateway.settings import StorageSettings
from opaska_protocol import reports
from tests.support.falls import announced
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, days

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_gateway.health.line import Line
    from tests.support.gateway_core import Core

QUIET = ("alarms waiting", "troubles waiting", "falls not raised", "frames refused")


async def lines(heart: Core, now_ms: int | None = None) -> dict[str, Line]:
    """By part."""
    now_ms = clock.now_ms() if now_ms is None else now_ms
    async with heart.database.read() as connection:
        found = await connection.run_sync(records._all, now_ms)
    return {line.part: line for line in found}


async def needy(heart: Core, later_ms: int = 0) -> list[str]:
    """The parts that need a human, so much later."""
    found = await lines(heart, clock.now_ms() + later_ms)
    return [part for part, line in found.items() if line.todo]


async def change(heart: Core, statement: str, **values: Any) -> None:
    await heart.database.transact(lambda c: c.execute(text(statement), values).close())


async def test_where_nothing_has_happened_nothing_needs_a_human(heart: Core) -> None:
    await heart.add_band()
    assert list(await lines(heart)) == ["cases", *QUIET, "bands silent", "last report"]
    assert await needy(heart, 10 * records.DAY_MS) == []


async def test_a_case_that_nobody_takes_and_an_alarm_that_does_not_leave_need_a_human(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    assert await needy(heart) == []
    assert await needy(heart, records.UNSENT_MS) == ["alarms waiting"]
    case, alarms = "cases ringing, console", "alarms waiting"
    assert await needy(heart, records.UNTAKEN_MS) == [case, alarms]
    await change(heart, "UPDATE outbox SET detail = 'main: 10.0.0.1:7700 cannot be reached'")
    found = await lines(heart)
    assert (found[case].state, found[alarms].state) == (1, 1)
    assert found[alarms].detail == "the oldest: main: 10.0.0.1:7700 cannot be reached"
    await desk.take(heart.context, (await heart.cases())[0].id, "somebody")
    await change(heart, "UPDATE outbox SET done_ms = 1, outcome = 'accepted'")
    assert await needy(heart, records.UNTAKEN_MS) == []
    assert await needy(heart, records.FORGOTTEN_MS) == ["cases taken, console"]


async def test_who_presses_every_minute_is_not_always_new(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    await change(heart, "UPDATE care_case SET opened_ms = opened_ms - :m", m=records.UNTAKEN_MS)
    await bring(heart, (band, band.sos()))
    assert await needy(heart) == ["cases ringing, console"]


async def test_a_taken_case_that_rings_again_is_nobodys_from_then_on(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    await desk.take(heart.context, (await heart.cases())[0].id, "somebody")
    await change(heart, "UPDATE care_case SET opened_ms = 1, taken_ms = 2")
    await bring(heart, (band, band.sos(kind=reports.FALL)))
    assert await needy(heart) == []
    assert "cases ringing, console" in await needy(heart, records.UNTAKEN_MS)


@pytest.mark.parametrize(("handling", "is_ours"), [("console", True), ("external", False)])
async def test_a_case_that_the_receiver_has_is_ours_only_if_it_is_handled_here(
    heart: Core, handling: str, is_ours: bool
) -> None:
    band = await heart.add_band(handling=handling)
    await bring(heart, (band, band.sos()))
    await change(heart, "UPDATE care_case SET state = 'forwarded', forwarded_ms = rang_ms")
    await change(heart, "UPDATE outbox SET done_ms = 1, outcome = 'accepted'")
    forwarded = [f"cases forwarded, {handling}"]
    assert await needy(heart, records.UNTAKEN_MS) == (forwarded if is_ours else [])
    assert await needy(heart, records.FORGOTTEN_MS) == forwarded


async def test_a_clock_that_was_set_back_hides_nothing(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    found = ["cases ringing, console", "alarms waiting"]
    assert await needy(heart, -records.DAY_MS) == found
    assert await needy(heart, -AHEAD_MS // 2) == []  # as when it is corrected by a little
    assert [is_old(ms, 5, 0) for ms in (-5, -4, 0, AHEAD_MS, AHEAD_MS + 1)] == [
        True, False, False, False, True,
    ]  # fmt: skip


async def test_a_fall_that_nobody_raises_needs_a_human(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    assert (await lines(heart))["falls not raised"].state == 0
    assert await needy(heart, 10 * records.UNRAISED_MS) == ["falls not raised"]


async def test_frames_are_refused_by_reason_and_a_real_band_is_named(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, *((band, os.urandom(3) + b"\xff") for _ in range(3)))
    found = (await lines(heart))["frames refused"]
    assert (found.state, found.todo) == (3, "")
    assert found.detail
    await change(heart, "UPDATE device_key SET wrapped = :bad", bad=os.urandom(44))
    await bring(heart, (band, band.sos()), context=heart.new_context())
    found = (await lines(heart))["frames refused"]
    assert "unusable_key 1" in found.detail
    assert found.todo.startswith(f"{band.kid_hex}: ")
    assert "opaska bands rekey" in found.todo
    assert (
        await needy(heart, records.DAY_MS) == []
    )  # its reports are refused anew, or it is mended
    in_two_days = clock.now_ms() + 2 * records.DAY_MS
    assert (await lines(heart, in_two_days))["frames refused"].state == 0


async def test_a_silent_band_counts_until_the_centre_knows_of_it(heart: Core) -> None:
    silent, other = await heart.add_band(), await heart.add_band()
    with days(heart) as here:
        await here.pass_minutes(5, [silent, other])
        await here.pass_minutes(FAULT_MIN, [other])
        assert (await lines(heart))["bands silent"].state == 1
        assert await needy(heart) == []  # it was raised just now
        assert await needy(heart, records.UNTOLD_MS) == ["bands silent"]
        await change(heart, "UPDATE outbox SET done_ms = 1, outcome = 'accepted_plain'")
        assert await needy(heart, records.UNTOLD_MS) == []
        await here.pass_minutes(FAULT_MIN)  # now all are
        await change(heart, "UPDATE outbox SET done_ms = 1, outcome = 'accepted'")
        assert await needy(heart) == ["last report"]
        await bring(heart, (other, other.heartbeat()))
        assert await needy(heart) == []


async def test_of_an_outage_the_centre_knows_as_of_each_band(heart: Core) -> None:
    bands = [await heart.add_band() for _ in range(6)]
    with days(heart) as here:
        await here.pass_minutes(5, bands)
        await here.pass_minutes(FAULT_MIN)
        assert len(await here.outages()) == 1
        found = await lines(heart, clock.now_ms() + records.UNTOLD_MS)
        assert "does not know of 6" in found["bands silent"].todo
        await change(heart, "UPDATE outbox SET done_ms = 1, outcome = 'accepted'")
        assert "bands silent" not in await needy(heart, records.UNTOLD_MS)


BROKEN = {
    "garbage": b"garbage " * 1_000,
    "empty": b"",
}


@pytest.fixture
def threads_end_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a busy machine: each thread of a connection lingers over its last function."""
    run = aiosqlite.core._connection_worker_thread

    def linger(queue: Any) -> None:
        def get() -> Any:
            future, function = queue.get()
            if getattr(function, "__name__", "") == "close_and_stop":
                time.sleep(0.1)
            return future, function

        run(SimpleNamespace(get=get))  # type: ignore[arg-type]

    monkeypatch.setattr(aiosqlite.core, "_connection_worker_thread", linger)


@pytest.mark.usefixtures("threads_end_late")
@pytest.mark.parametrize("name", ["missing", "folder", *BROKEN])
def test_a_database_that_cannot_be_read_is_one_line_and_nothing_is_made(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / "opaska.db"
    if name == "folder":
        file.mkdir()
    elif name in BROKEN:
        file.write_bytes(BROKEN[name])
    before = sorted(tmp_path.iterdir())
    storage = StorageSettings(database_file=file, key_file=tmp_path / "opaska.key")
    (line,) = asyncio.run(records.of_records(storage, clock.now_ms()))
    assert line.part == "database"
    assert line.todo
    assert sorted(tmp_path.iterdir()) == before


async def test_tables_of_another_version_are_left_as_they_are(heart: Core) -> None:
    await change(heart, "UPDATE alembic_version SET version_num = '0001'")
    (line,) = (await lines(heart)).values()
    assert line.state == "of another version"
    assert line.todo
    assert await heart.rows("SELECT version_num FROM alembic_version") == [("0001",)]


async def test_a_server_that_accepts_and_says_nothing_is_waited_for_no_longer_than_this(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "READ_S", 0.2)  # for ever would not be enough
    with socket.create_server(("127.0.0.1", 0)) as server:  # nobody accepts
        port = server.getsockname()[1]
        url = f"postgresql://opaska@127.0.0.1:{port}/opaska"
        storage = StorageSettings(database_url=url, key_file=tmp_path / "opaska.key")
        (line,) = await records.of_records(storage, clock.now_ms())
    assert line.detail.endswith("no answer within 0.2 s")
