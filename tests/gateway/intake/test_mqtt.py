# SPDX-License-Identifier: Apache-2.0
"""Intake over real brokers: answered after the commit, given back only when it is decided."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.intake import mqtt
from opaska_gateway.intake.mqtt import MqttAddress, MqttIntake
from opaska_gateway.pipeline import TOGETHER, Pipeline
from tests.gateway.intake.conftest import a_mosquitto, connected, taking_in, working
from tests.support.pipeline_runs import running
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context
    from tests.gateway.intake.conftest import Broker
    from tests.support.gateway_core import Core


async def test_a_bands_reports_are_stored_and_its_answers_reach_it(
    heart: Core, broker: Broker
) -> None:
    async with working(heart, broker), connected(heart, broker) as band:
        for number in range(40):
            band.report(urgent=number % 10 == 0)
        await until(lambda: band.answered == 40, "40 verified answers")
        assert band.unverified == 0
    assert len(await heart.events()) == 40


async def test_bytes_that_are_no_frame_are_refused_and_never_answered(
    heart: Core, broker: Broker
) -> None:
    async with working(heart, broker), connected(heart, broker) as band:
        for junk in (b"", b"\xff", bytes(1_500)):
            band.publish(junk, urgent=True)
        band.report()
        await until(lambda: band.answered == 1, "the good one's answer")
        refused = heart.context.counters
        await until(lambda: refused["refused.indefinite"] == 1, "the refusals")
        assert band.frames == 1
    kept = await heart.rows("SELECT reason FROM refused_frame ORDER BY reason")
    assert kept == [("empty",), ("indefinite",), ("too_large",)]


async def test_alarms_do_not_queue_behind_telemetry(heart: Core, broker: Broker) -> None:
    order: list[bool] = []

    def note(batch: Batch, _context: Context, _connection: Connection) -> None:
        order.extend(report.rings for report in batch.fresh)

    pipeline = Pipeline(heart.context, together=(*TOGETHER, note))
    async with taking_in(heart, broker, pipeline), AsyncExitStack() as stack:
        bands = [await stack.enter_async_context(connected(heart, broker)) for _ in range(10)]
        for band in bands[:9]:
            for _ in range(30):
                band.report()
        bands[9].report(urgent=True)
        await until(lambda: pipeline.waiting >= 20, "a backlog")
        await until(lambda: len(pipeline._lanes._urgent) == 1, "the alarm, behind it")
        async with running(pipeline):
            await until(lambda: bands[9].answered == 1, "the alarm's answer")
    assert order[0] is True


async def test_a_flood_stops_reading_and_goes_on(
    heart: Core, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "MAX_UNDECIDED", 8)
    pipeline = Pipeline(heart.context)
    async with taking_in(heart, broker, pipeline), connected(heart, broker) as band:
        for _ in range(60):
            band.report()
        await until(lambda: pipeline.waiting >= 8, "a full intake")
        await asyncio.sleep(0.1)  # nothing more may come; no event tells that
        assert pipeline.waiting < 30
        async with running(pipeline):
            await until(lambda: band.answered == 60, "all answers")


async def test_a_band_that_is_revoked_is_not_answered(heart: Core, broker: Broker) -> None:
    async with working(heart, broker), connected(heart, broker) as band:
        band.report()
        await until(lambda: band.answered == 1, "an answer")
        async with heart.database.write() as connection:
            await connection.exec_driver_sql("UPDATE device SET revoked_ms = 1")
        await heart.context.changed_elsewhere()
        band.report()
        await until(lambda: heart.context.counters["refused.revoked"] == 1, "the refusal")
        assert band.answered == 1


async def test_a_wrong_password_is_named_and_asked_again(heart: Core, broker: Broker) -> None:
    address = MqttAddress(broker.address.host, broker.address.port, "opaska-gateway", "wrong")
    intake = MqttIntake(heart.context, Pipeline(heart.context), address)
    task = asyncio.create_task(intake.run())
    await until(lambda: all("refused" in one.problem for one in intake.health()), "the reason")
    assert not intake.ready.is_set()
    assert not any(one.up for one in intake.health())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_broker_the_intake_keeps_asking(heart: Core, unused_port: int) -> None:
    address = MqttAddress("127.0.0.1", unused_port)
    intake = MqttIntake(heart.context, Pipeline(heart.context), address)
    task = asyncio.create_task(intake.run())
    await until(lambda: all("refused" in one.problem for one in intake.health()), "a problem")
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@requires_program("mosquitto")
async def test_what_was_not_decided_is_delivered_again_to_the_next_gateway(
    heart: Core, tmp_path: Path
) -> None:
    """PUBACK waits for the commit: a gateway that dies before gives nothing away."""
    async with a_mosquitto(tmp_path / "broker") as broker, connected(heart, broker) as band:
        stuck = Pipeline(heart.context)  # never runs
        async with taking_in(heart, broker, stuck):
            for number in range(10):
                band.report(urgent=number == 0)
            await until(lambda: stuck.waiting == 10, "ten undecided reports")
        assert band.answered == 0
        async with working(heart, broker):
            await until(lambda: band.answered == 10, "ten answers")


@requires_program("mosquitto")
async def test_the_intake_survives_a_killed_broker_and_the_band_loses_nothing(
    heart: Core, tmp_path: Path
) -> None:
    async with a_mosquitto(tmp_path / "broker") as broker, connected(heart, broker) as band:
        assert broker.mosquitto is not None
        async with working(heart, broker):
            band.report()
            await until(lambda: band.answered == 1, "an answer")
            await broker.mosquitto.kill()
            await band.lost.wait()
            seq = band.report(urgent=True)
            await broker.mosquitto.start()
            await band.connect(broker.band_port)
            while band.answered < 2:  # as a band does: again, until it is answered
                band.resend()
                await asyncio.sleep(0.05)
    assert [event.seq for event in await heart.events()] == [1, seq]


@requires_program("mosquitto")
async def test_an_answer_to_an_alarm_waits_for_a_band_that_is_just_away(
    heart: Core, tmp_path: Path
) -> None:
    async with a_mosquitto(tmp_path / "broker") as broker, connected(heart, broker) as band:
        pipeline = Pipeline(heart.context)
        async with taking_in(heart, broker, pipeline):
            band.report(urgent=True)
            await until(lambda: pipeline.waiting == 1, "the report")
            band.close()
            await band.lost.wait()
            async with running(pipeline):
                await until(lambda: heart.context.replies.sent == 1, "the answer")
            frames = band.frames
            await band.connect(broker.band_port)
            await until(lambda: band.frames > frames, "the answer that was kept")
            assert band.answered == 1


async def test_stopping_leaves_no_socket_behind(heart: Core, broker: Broker) -> None:
    async with taking_in(heart, broker) as intake:
        links = (intake._urgent, intake._telemetry)
    assert [link._socket for link in links] == [None, None]
    assert [link._client.socket() for link in links] == [None, None]
