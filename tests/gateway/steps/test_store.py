# SPDX-License-Identifier: Apache-2.0
"""What is stored of a report: once, with its true time, its true wearer, and sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from opaska_gateway import clock
from opaska_gateway.database import tables
from opaska_gateway.pipeline import TOGETHER
from opaska_protocol import answers, reports
from tests.support.gateway_core import Later, assign
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.gateway_core import Core

SECOND = 1_000
HOUR = 3_600_000
DAY = 24 * HOUR
POSITION = [522_297_700, 210_122_000, 12, 3]


async def test_a_repeat_is_answered_alike_and_stored_once(heart: Core) -> None:
    band = await heart.add_band()
    sos = band.sos()
    for times in (1, 2, 3):
        await bring(heart, (band, sos))
        assert band.states() == [answers.STORED] * times
    assert len(await heart.events()) == 1
    assert len(await heart.cases()) == 1
    assert len(await heart.rows("SELECT id FROM outbox")) == 1


async def test_a_repeat_after_a_restart_of_the_gateway_is_recognised(heart: Core) -> None:
    band = await heart.add_band()
    sos = band.sos()
    await bring(heart, (band, sos))
    await bring(heart, (band, sos), context=heart.new_context())
    assert len(await heart.events()) == 1
    assert band.states() == [answers.STORED, answers.STORED]


async def test_a_repeat_hears_again_how_far_it_got(heart: Core) -> None:
    band = await heart.add_band()
    sos = band.sos()
    await bring(heart, (band, sos))
    async with heart.database.write() as connection:
        await connection.execute(update(tables.event).values(answer_state=answers.TAKEN))
    band.answers.clear()
    await bring(heart, (band, sos))
    assert band.states() == [answers.STORED, answers.TAKEN]


async def test_the_same_id_with_other_bytes_is_refused_and_never_answered(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    band.answers.clear()
    clash = band.seal(reports.ALARM, seq=1, uptime_ms=5_000, kind=reports.FALL)
    await bring(heart, (band, clash))
    assert band.answers == []
    assert await heart.rows("SELECT reason FROM refused_frame") == [("id_clash",)]
    assert len(await heart.events()) == 1


async def test_alarms_and_unknown_reports_are_sealed_and_technical_ones_are_clear(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(
        heart,
        (band, band.heartbeat()),
        (band, band.sos(position=POSITION)),
        (band, band.seal_body(b"\xa2\x00\x11\x01\x05")),
    )
    events = await heart.events()
    assert [event.body_form for event in events] == ["clear", "person", "person"]
    raw = (heart.database.url.database or "").encode().decode()
    for suffix in ("", "-wal"):
        with open(raw + suffix, "rb") as file:  # noqa: PTH123, ASYNC230 - a small file, at the end
            assert POSITION[0].to_bytes(4, "big") not in file.read()


async def test_a_sealed_body_opens_again_with_the_wearers_key_only(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos(position=POSITION)))
    (event,) = await heart.events()
    id_ = (event.device_id, event.generation, event.boot, event.seq)

    def opened(connection: object) -> bytes | None:
        bodies = heart.new_context().bodies
        return bodies.opened(connection, event.body_form, event.person_id, id_, event.body)  # type: ignore[arg-type]

    body = await heart.database.transact(opened)
    assert body is not None
    assert reports.decode_report(body).fields["position"] == POSITION
    async with heart.database.write() as connection:
        erased = update(tables.person).values(wrapped_key=None, erased_ms=clock.now_ms())
        await connection.execute(erased)
    assert await heart.database.transact(opened) is None


async def test_a_band_that_nobody_wears_still_has_its_alarm_stored(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    await bring(heart, (band, band.sos()))
    (event,) = await heart.events()
    assert (event.person_id, event.body_form) == (None, "vault")
    (case,) = await heart.cases()
    assert (case.person_id, case.device_id, case.state) == (None, band.device_id, "ringing")


async def test_a_late_report_belongs_to_who_wore_the_band_when_it_happened(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> tuple[bytes, bytes]:
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        return earlier, assign(connection, heart.vault, band, now - HOUR)

    earlier, later = await heart.database.transact(hand_over)
    uptime_ms = 10 * HOUR  # the band has been up since before; the SOS waited for two hours
    live = band.heartbeat(uptime_ms=uptime_ms)
    waited = band.sos(uptime_ms=uptime_ms - 2 * HOUR)
    await bring(heart, (band, live), (band, waited), received_ms=now)
    heartbeat, sos = await heart.events()
    assert (heartbeat.person_id, sos.person_id) == (later, earlier)
    assert sos.occurred_ms == now - 2 * HOUR
    assert (sos.occurred_source, sos.occurred_error_ms) == ("anchor", None)
    assert sos.received_ms == now


@pytest.mark.parametrize("years", [1, 20])
async def test_an_alarm_has_its_wearer_while_our_clock_does_not_know_the_time(
    heart: Core, years: int
) -> None:
    """As a host without a battery in its clock starts; the band was assigned years later, then."""
    band = await heart.add_band()
    with clock.driven_by(Later(-years * 365 * DAY)):
        await bring(heart, (band, band.sos(uptime_ms=HOUR)))
    now = [reports.TIME_NETWORK, clock.now_ms() // SECOND, 1]
    await bring(heart, (band, band.sos(uptime_ms=HOUR + 60 * SECOND, time=now)))
    stored = [(event.person_id, event.assignment_id) for event in await heart.events()]
    assert stored == [(band.person_id, band.assignment_id)] * 2
    assert len(await heart.cases()) == 1


async def test_a_band_in_store_has_no_wearer_whatever_our_clock_says(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        await connection.execute(update(tables.assignment).values(to_ms=clock.now_ms()))
    with clock.driven_by(Later(-365 * DAY)):
        await bring(heart, (band, band.sos()))
    assert (await heart.events())[0].person_id is None


async def test_a_report_that_is_dated_back_goes_to_who_wore_the_band_then(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> bytes:
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        assign(connection, heart.vault, band, now - HOUR)
        return earlier

    earlier = await heart.database.transact(hand_over)
    await bring(heart, (band, band.sos(uptime_ms=HOUR, position=POSITION)), received_ms=now)
    await bring(heart, (band, band.heartbeat(uptime_ms=4 * HOUR)), received_ms=now + 100)
    sos, _ = await heart.events()
    assert sos.occurred_ms == now + 100 - 3 * HOUR
    assert (sos.person_id, sos.body_form) == (earlier, "person")
    id_ = (sos.device_id, sos.generation, sos.boot, sos.seq)
    body = await heart.database.transact(
        lambda connection: heart.context.bodies.opened(
            connection, "person", earlier, id_, sos.body
        )
    )
    assert body is not None
    assert reports.decode_report(body).fields["position"] == POSITION


async def test_the_centre_hears_of_an_alarm_again_when_another_wearer_pressed(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> None:
        assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR, account="AAA1")
        assign(connection, heart.vault, band, now - HOUR, account="BBB2")

    await heart.database.transact(hand_over)
    await bring(heart, (band, band.sos(uptime_ms=HOUR)), received_ms=now)
    async with heart.database.write() as connection:
        await connection.execute(update(tables.outbox).values(done_ms=now, outcome="accepted"))
    heart.context.outbox_ready.clear()
    await bring(heart, (band, band.heartbeat(uptime_ms=4 * HOUR)), received_ms=now + 100)
    assert heart.context.outbox_ready.is_set()
    waiting = (
        "SELECT account FROM outbox JOIN event ON event.id = event_id"
        " JOIN assignment ON assignment.id = assignment_id WHERE done_ms IS NULL"
    )
    assert await heart.rows(waiting) == [("AAA1",)]
    assert await heart.rows("SELECT what, subject FROM audit") == [("alarm_given_back", "event:1")]


async def test_an_alarm_is_dated_back_as_soon_as_a_later_report_tells_how_long_it_waited(
    heart: Core,
) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    await bring(heart, (band, band.sos(uptime_ms=60_000)), received_ms=now)
    (sos,) = await heart.events()
    assert (sos.occurred_ms, sos.occurred_source) == (now, "arrival")
    await bring(heart, (band, band.heartbeat(uptime_ms=HOUR)), received_ms=now + 100)
    sos, _ = await heart.events()
    assert sos.occurred_ms == now + 100 - HOUR + 60_000
    assert sos.occurred_source == "anchor"


async def test_a_date_is_corrected_though_the_first_attempt_was_rolled_back(heart: Core) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    await bring(heart, (band, band.sos(uptime_ms=60_000)), received_ms=now)

    def fails(*_: object) -> None:
        raise ValueError("planted")

    live = band.heartbeat(uptime_ms=HOUR)
    await bring(heart, (band, live), received_ms=now, together=(*TOGETHER, fails))
    await bring(heart, (band, live), received_ms=now + 100)
    sos, _ = await heart.events()
    assert (sos.occurred_ms, sos.occurred_source) == (now + 100 - HOUR + 60_000, "anchor")


async def test_anchors_survive_a_restart_of_the_gateway(heart: Core) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    await bring(heart, (band, band.heartbeat(uptime_ms=HOUR)), received_ms=now)
    waited = band.sos(uptime_ms=HOUR // 2)
    await bring(heart, (band, waited), received_ms=now + 10, context=heart.new_context())
    _, sos = await heart.events()
    assert (sos.occurred_ms, sos.occurred_source) == (now - HOUR // 2, "anchor")


async def test_a_storm_of_old_reports_ends_rightly_dated(heart: Core) -> None:
    """Oldest first, each one telling more than the one before."""
    band = await heart.add_band()
    now = clock.now_ms()
    for hour in range(5):
        await bring(heart, (band, band.heartbeat(uptime_ms=hour * HOUR)), received_ms=now)
    live = band.heartbeat(uptime_ms=4 * HOUR + 60_000)
    await bring(heart, (band, live), received_ms=now + 60_000)
    events = await heart.events()
    assert [now - event.occurred_ms for event in events[:5]] == [
        (4 - hour) * HOUR for hour in range(5)
    ]


async def test_days_without_a_network_are_dated_by_the_first_report_that_knows_the_time(
    heart: Core,
) -> None:
    """A band that restarted in them: all its reports are as late as the last of them, until its
    heartbeat has the time. No other report need come."""
    band = await heart.add_band()
    now = clock.now_ms() + 4 * DAY  # the band is of four days ago
    made = [now - 3 * DAY + hour * HOUR // 2 for hour in range(130)]
    waited = [(band, band.heartbeat(uptime_ms=at_ms - now + 3 * DAY)) for at_ms in made]
    for newest_first in range(len(waited), 0, -13):
        await bring(heart, *waited[newest_first - 13 : newest_first], received_ms=now)
    live = band.heartbeat(uptime_ms=3 * DAY, time=[reports.TIME_GATEWAY, now // 1000, 1])
    await bring(heart, (band, live), received_ms=now)
    events = sorted(await heart.events(), key=lambda one: one.seq)
    assert (
        max(abs(one.occurred_ms - at) for one, at in zip(events, [*made, now], strict=True))
        < SECOND
    )
    assert all(one.occurred_error_ms is not None for one in events)


async def test_numbers_at_the_edge_of_the_wire_are_stored(heart: Core) -> None:
    band = await heart.add_band()
    band.boot = 0xFFFFFFFF
    extreme = {"uptime_ms": (1 << 62) - 1, "kind": 0xFFFFFFFF, "time": [3, (1 << 61), 1 << 61]}
    await bring(heart, (band, band.seal(reports.ALARM, seq=0xFFFFFFFF, **extreme)))
    (event,) = await heart.events()
    assert (event.boot, event.seq, event.alarm_kind) == (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    assert band.states(0xFFFFFFFF) == [answers.STORED]


async def test_a_broken_key_of_a_person_costs_no_alarm(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        await connection.execute(update(tables.person).values(wrapped_key=bytes(60)))
    await bring(heart, (band, band.sos()))
    (event,) = await heart.events()
    assert (event.body_form, event.person_id) == ("vault", band.person_id)
    assert band.states() == [answers.STORED]
