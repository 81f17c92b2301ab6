# SPDX-License-Identifier: Apache-2.0
"""Promise 4 in the database: alarms open, join, ring again and link cases; nothing is hidden."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from opaska_gateway import clock, desk
from opaska_gateway.care.wearing import Whose
from opaska_gateway.database import cases
from opaska_protocol import answers, reports
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from tests.support.gateway_core import Core, CoreBand


async def _only_case(heart: Core) -> Any:
    (case,) = await heart.cases()
    return case


async def test_the_first_alarm_opens_a_ringing_case_of_its_wearer(heart: Core) -> None:
    band = await heart.add_band(handling="external")
    await bring(heart, (band, band.sos()))
    case = await _only_case(heart)
    assert (case.person_id, case.assignment_id) == (band.person_id, band.assignment_id)
    assert (case.state, case.handling, case.previous_id) == ("ringing", "external", None)
    (event,) = await heart.events()
    assert event.case_id == case.id


async def test_whatever_is_reported_joins_the_open_case(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.heartbeat()))
    await bring(heart, (band, band.sos()), (band, band.sos()), (band, band.heartbeat()))
    await bring(heart, (band, band.seal(reports.FAULT, uptime_ms=1, code=1)))
    case = await _only_case(heart)
    joined = [event.case_id == case.id for event in await heart.events()]
    assert joined == [False, True, True, True, True]


async def test_two_bands_of_two_people_have_two_cases(heart: Core) -> None:
    one, other = await heart.add_band(), await heart.add_band()
    await bring(heart, (one, one.sos()), (other, other.sos()), (one, one.sos()))
    assert len(await heart.cases()) == 2


async def test_a_new_kind_rings_again_after_someone_took_the_case(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    case = await _only_case(heart)
    await desk.take(heart.context, case.id, "dispatcher-1")
    assert (await _only_case(heart)).state == "taken"
    with clock.driven_by(Later(60_000)):
        await bring(heart, (band, band.sos(kind=reports.FALL)))
    ringing = await _only_case(heart)
    assert ringing.state == "ringing"
    assert ringing.rang_ms >= case.rang_ms + 60_000
    assert band.states() == [answers.STORED]  # nobody has taken the fall yet


async def test_a_second_press_in_a_taken_case_is_shown_and_told_that_it_is_taken(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    await desk.take(heart.context, (await _only_case(heart)).id, "dispatcher-1")
    await bring(heart, (band, band.sos()))
    assert (await _only_case(heart)).state == "taken"
    assert band.states() == [answers.STORED, answers.TAKEN]
    assert len(await heart.events()) == 2


@pytest.mark.parametrize("taken", [False, True])
async def test_an_alarm_costs_no_more_in_a_case_that_a_mad_band_has_filled(
    heart: Core, taken: bool
) -> None:
    """Promise 10: one transaction brings the alarms of many bands."""
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    if taken:
        await desk.take(heart.context, case.id, "dispatcher-1")
    before = await _work(heart, (band, band.sos()))
    for _ in range(2):
        await bring(heart, *((band, band.sos()) for _ in range(150)))
    assert await _work(heart, (band, band.sos())) < 1.5 * before


async def _work(heart: Core, sent: tuple[CoreBand, bytes]) -> int:
    """Steps of SQLite's machine, in tens, that a report takes."""
    steps = itertools.count()

    def count_by(handler: Callable[[], int] | None) -> Callable[[Connection], None]:
        def on(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(handler, 10)

        return on

    await heart.database.transact(count_by(lambda: bool(next(steps) < 0)))
    await bring(heart, sent)
    await heart.database.transact(count_by(None))
    return next(steps)


async def test_an_unknown_type_in_the_alarm_range_rings(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.seal_body(b"\xa1\x00\x18\x28")))
    assert (await _only_case(heart)).state == "ringing"
    assert band.states() == [answers.STORED]


async def test_an_unknown_type_outside_the_alarm_range_is_stored_silently(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.seal_body(b"\xa1\x00\x18\x40")))
    assert await heart.cases() == []
    assert band.states() == [answers.STORED]


async def test_an_alarm_after_the_end_opens_a_new_linked_case(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    first = await _only_case(heart)
    await desk.take(heart.context, first.id, "dispatcher-1")
    await desk.close(heart.context, first.id, "dispatcher-1", "helped")
    await bring(heart, (band, band.heartbeat()), (band, band.sos()))
    first, second = await heart.cases()
    assert (first.state, second.state) == ("closed", "ringing")
    assert second.previous_id == first.id
    assert [event.case_id for event in await heart.events()] == [first.id, None, second.id]


async def test_cases_of_unworn_bands_are_kept_apart_and_linked(heart: Core) -> None:
    one, other = await heart.add_band(worn=False), await heart.add_band(worn=False)
    await bring(heart, (one, one.sos()), (other, other.sos()), (one, one.sos()))
    both = await heart.cases()
    assert {case.device_id for case in both} == {one.device_id, other.device_id}
    mine = next(case for case in both if case.device_id == one.device_id)
    await desk.take(heart.context, mine.id, "dispatcher-1")
    await desk.close(heart.context, mine.id, "dispatcher-1", "not_needed")
    await bring(heart, (one, one.sos()))
    newest = (await heart.cases())[-1]
    assert newest.previous_id == mine.id


async def test_the_database_itself_refuses_a_second_open_case_of_one_person(heart: Core) -> None:
    """Two cells may race; the loser's batch is retried and joins the winner's case."""
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (worn,) = (await heart.context.bands.fetch({band.kid}))[band.kid].assignments

    def open_another(connection: Any) -> None:
        cases.open_case(connection, Whose(band.device_id, band.organisation_id, worn), at_ms=1)

    with pytest.raises(IntegrityError):
        await heart.database.transact(open_another)
