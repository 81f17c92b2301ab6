# SPDX-License-Identifier: Apache-2.0
"""What people say of visits must make sense, can be taken back, and leaves a trace each time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from opaska_gateway import clock
from opaska_gateway.errors import Refused
from opaska_gateway.registry import planned, visit_changes
from opaska_gateway.registry.change import Change
from opaska_gateway.registry.moments import moment_ms
from opaska_gateway.registry.visit_changes import Said
from tests.support.carers import add_card, new_uid, plan, touch
from tests.support.gateway_core import core
from tests.support.pipeline_runs import bring
from tests.support.visits import HOUR, at, carer, changing, iso, listed, visit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.gateway_core import Core

WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


@pytest.mark.parametrize("is_end", [True, False])
async def test_a_visit_cannot_be_said_to_end_before_it_was_measured_to_begin(
    heart: Core, is_end: bool
) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 60, 45)
    (line,) = await listed(heart)
    said = Said(end=iso(61)) if is_end else Said(begin=iso(14))
    async with changing(heart) as change:
        with pytest.raises(Refused, match="end before it begins"):
            await visit_changes.correct(change, line["visit"], said, "typing error")


async def test_a_visit_cannot_be_said_to_end_before_it_was_said_to_begin(heart: Core) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 60, 45)
    (line,) = await listed(heart)
    async with changing(heart) as change:
        await visit_changes.correct(change, line["visit"], Said(begin=iso(40)), "she said so")
        with pytest.raises(Refused, match="end before it begins"):
            await visit_changes.correct(change, line["visit"], Said(end=iso(50)), "she said so")


async def test_a_visit_whose_measured_times_disagree_can_be_withdrawn(heart: Core) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 60, -30)
    (line,) = await listed(heart)
    assert "times_disagree" in line["marks"]
    async with changing(heart) as change:
        await visit_changes.correct(change, line["visit"], Said(withdrawn=True), "no idea")


async def test_a_visit_that_was_withdrawn_by_mistake_is_one_again_and_both_are_told(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 60, 45)
    (line,) = await listed(heart)
    for withdrawn in (True, False):
        async with changing(heart) as change:
            await visit_changes.correct(change, line["visit"], Said(withdrawn=withdrawn), "so")
    (line,) = await listed(heart)
    assert [(one["what"], one["was"], one["is"]) for one in line["said"]] == [
        ("withdrawn", None, 1),
        ("withdrawn", 1, 0),
    ]


async def test_a_visit_that_was_corrected_to_another_carer_is_in_the_lists_of_both(
    heart: Core,
) -> None:
    band, tag = await heart.add_band(), new_uid()
    anna = await carer(heart, band, "Anna", tag)
    beata = await carer(heart, band, "Beata")
    await visit(heart, band, tag, 60, 45)
    (line,) = await listed(heart)
    async with changing(heart) as change:
        said = Said(carer=beata.hex())
        await visit_changes.correct(change, line["visit"], said, "lent the card")
    assert [one["visit"] for one in await listed(heart, carer_text=beata.hex())] == [line["visit"]]
    assert [one["visit"] for one in await listed(heart, carer_text=anna.hex())] == [line["visit"]]


@pytest.mark.parametrize("is_withdrawn", [True, False])
async def test_a_visit_that_was_none_makes_no_plan_done(heart: Core, is_withdrawn: bool) -> None:
    """Withdrawn by hand; or its card turns out to have been revoked by then."""
    band, tag = await heart.add_band(), new_uid()
    await add_card(heart, band, tag)
    now = clock.now_ms()
    await plan(heart, band, now)
    await bring(heart, (band, touch(band, tag, **at(now, now))), received_ms=now)
    assert [line["state"] for line in await _planned(heart)] == ["done"]
    (line,) = await listed(heart)
    if is_withdrawn:
        async with changing(heart) as change:
            await visit_changes.correct(change, line["visit"], Said(withdrawn=True), "a test")
    else:
        made_up = [touch(band, new_uid(), **at(now, now)) for _ in range(101)]
        await bring(heart, *((band, frame) for frame in made_up), received_ms=now)
    assert [(line["state"], line["visit"]) for line in await _planned(heart)] == [("missed", None)]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("2026-10-25 02:30", "comes twice"),  # the clocks are set back
        ("2026-03-29 02:30", "there is no"),  # they are set forward
    ],
)
def test_a_time_that_is_none_or_two_is_refused_and_with_an_offset_taken(
    text: str, advice: str
) -> None:
    with pytest.raises(Refused, match=advice):
        moment_ms(text, WARSAW)
    assert moment_ms(text + "+02:00", WARSAW) + HOUR == moment_ms(text + "+01:00", WARSAW)
    assert moment_ms(text.replace("02:", "03:"), WARSAW) > 0


async def test_the_first_of_weekly_visits_is_at_the_time_that_was_said(heart: Core) -> None:
    band = await heart.add_band()
    assert band.person_id is not None
    at_text = "2099-10-25T02:30+01:00"  # the second half past two of that night
    async with heart.database.write() as connection:
        change = Change(connection, heart.vault, "os:tester", clock.now_ms())
        await planned.add(change, band.person_id.hex(), at_text, 45, weeks=2)
    (first,), _ = await heart.rows("SELECT at_ms FROM planned_visit ORDER BY at_ms")
    assert first == moment_ms(at_text, WARSAW)


async def _planned(heart: Core) -> list[dict[str, object]]:
    now = clock.now_ms()
    async with heart.database.read() as connection:
        return await planned.list_all(connection, heart.vault, now - HOUR, now + 9 * HOUR)
