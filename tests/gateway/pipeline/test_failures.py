# SPDX-License-Identifier: Apache-2.0
"""Promise 1: acknowledged implies stored, whatever fails: a step, the disk, another program."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from opaska_gateway import pipeline as pipeline_module
from opaska_gateway.database import sqlite
from opaska_gateway.pipeline import TOGETHER, Pipeline
from opaska_protocol import answers
from tests.support.pipeline_runs import bring, decided, running
from tests.support.until import until

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core

POISON = 13  # a sequence number that a planted step cannot digest


def _chokes(batch: Batch, context: Context, connection: Connection) -> None:
    del context, connection
    if any(report.header.seq == POISON for report in batch.fresh):
        raise ValueError("planted")


@pytest.mark.parametrize("place", range(len(TOGETHER) + 1))
async def test_a_failing_report_takes_no_other_of_its_batch_with_it(
    heart: Core, place: int
) -> None:
    band = await heart.add_band()
    frames = [(band, band.sos()) for _ in range(20)]
    together = (*TOGETHER[:place], _chokes, *TOGETHER[place:])
    await bring(heart, *frames, together=together)
    assert [event.seq for event in await heart.events()] == [
        seq for seq in range(1, 21) if seq != POISON
    ]
    assert {seq for _, seq, _ in band.answers} == set(range(1, 21)) - {POISON}
    assert len(heart.done) == 20
    assert await heart.rows("SELECT reason FROM refused_frame") == [("not_storable",)]


async def test_a_band_whose_report_failed_goes_on_and_is_stored_after_the_repair(
    heart: Core,
) -> None:
    band = await heart.add_band()
    band.seq = POISON - 1
    sos = band.sos()
    await bring(heart, (band, sos), together=(*TOGETHER, _chokes))
    assert await heart.events() == []
    assert band.answers == []
    await bring(heart, (band, sos))
    assert band.states() == [answers.STORED]


async def test_a_full_disk_answers_nothing_and_recovers_by_itself(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "RETRY_FIRST_S", 0.02)
    monkeypatch.setattr(pipeline_module, "RETRY_LAST_S", 0.05)
    bands = [await heart.add_band() for _ in range(4)]

    def limit(connection: Connection) -> int:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        return int(connection.execute(text(f"PRAGMA max_page_count={pages}")).scalar() or 0)

    def unlimit(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count=1000000"))

    await heart.database.transact(limit)
    arrivals = [heart.arrival(band, band.sos()) for band in bands for _ in range(25)]
    async with running(Pipeline(heart.context)) as pipeline:
        waiting = asyncio.create_task(decided(pipeline, arrivals))
        await until(lambda: pipeline.sick, "the pipeline notices the full disk")
        assert pipeline.sick == "the disk is full"
        assert heart.sent == []
        assert heart.done == []  # nothing is given back to the broker as decided
        await heart.database.transact(unlimit)
        await waiting
        assert pipeline.sick is None
    assert len(await heart.events()) == len(heart.sent) == 100


async def test_a_report_that_fails_on_a_recovered_disk_ends_the_sickness(heart: Core) -> None:
    """Others wait for the pipeline to be well, such as the duty that raises falls."""
    band = await heart.add_band()
    band.seq = POISON - 1
    pipeline = Pipeline(heart.context, together=(*TOGETHER, _chokes))
    pipeline.sick = "the disk is full"
    async with running(pipeline):
        await decided(pipeline, [heart.arrival(band, band.sos())])
    assert pipeline.sick is None


async def test_a_locked_database_is_waited_for(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command line, or a copy tool, may hold the write lock for longer than our patience."""
    monkeypatch.setattr(pipeline_module, "RETRY_FIRST_S", 0.02)
    band = await heart.add_band()
    await heart.database.transact(lambda c: c.execute(text("PRAGMA busy_timeout=10")).close())
    other = sqlite3.connect(str(heart.database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with running(Pipeline(heart.context)) as pipeline:
        waiting = asyncio.create_task(decided(pipeline, [heart.arrival(band, band.sos())]))
        await until(lambda: pipeline.sick, "the pipeline notices the lock")
        assert band.answers == []
        other.execute("ROLLBACK")
        await waiting
    other.close()
    assert band.states() == [answers.STORED]


async def test_a_disk_or_server_that_hangs_is_told_and_waited_for(
    heart: Core, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It raises nothing: a storage that stalls, a server that was frozen."""
    monkeypatch.setattr(pipeline_module, "HANGS_S", 0.05)
    goes_on = threading.Event()

    def hangs(batch: Batch, context: Context, connection: Connection) -> None:
        del batch, context, connection
        goes_on.wait(30)

    band = await heart.add_band()
    async with running(Pipeline(heart.context, together=(*TOGETHER, hangs))) as pipeline:
        waiting = asyncio.create_task(decided(pipeline, [heart.arrival(band, band.sos())]))
        try:
            await until(lambda: pipeline.sick, "the pipeline notices that nothing comes back")
            assert pipeline.sick == "the database does not answer"
            assert band.answers == []
        finally:
            goes_on.set()
        await waiting
    assert pipeline.sick is None
    assert band.states() == [answers.STORED]
    said = capsys.readouterr().out
    assert said.count("nothing_can_be_stored") == said.count("stored_again") == 1


async def test_a_failing_answer_leaves_the_report_stored_and_its_repeat_answered(
    heart: Core,
) -> None:
    band = await heart.add_band()
    sos = band.sos()

    def broken(*_: object) -> None:
        raise OSError("planted")

    publish = heart.context.replies.publish
    heart.context.replies.publish = broken
    await bring(heart, (band, sos))
    assert len(heart.done) == 1
    heart.context.replies.publish = publish
    await bring(heart, (band, sos))
    assert len(await heart.events()) == 1
    assert band.states() == [answers.STORED]


async def test_the_gateway_is_busy_from_the_arrival_to_the_answer(heart: Core) -> None:
    band = await heart.add_band()
    seen: list[int] = []

    def look(batch: Batch, context: Context) -> None:
        del batch
        seen.append(context.busy)

    await bring(heart, (band, band.sos()), after=(look,))
    assert seen == [1]
    assert heart.context.busy == 0


def test_durability_is_asked_for_by_name() -> None:
    assert "PRAGMA synchronous=FULL" in sqlite.PRAGMAS
