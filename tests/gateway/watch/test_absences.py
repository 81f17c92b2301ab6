# SPDX-License-Identifier: Apache-2.0
"""A dated absence suspends supervision, ends by itself, and never touches an SOS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opaska_gateway import clock
from opaska_gateway.registry import absences
from opaska_gateway.registry.change import Change
from opaska_protocol import answers
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, PERIOD_MIN, days

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days


async def _away(here: Days, band: CoreBand, from_min: float, until_min: float) -> None:
    """From and until so many minutes from now."""
    begin, end = (
        datetime.fromtimestamp(clock.now_ms() / 1000 + minutes * 60, UTC).isoformat()
        for minutes in (from_min, until_min)
    )
    assert band.person_id is not None
    async with here.heart.database.write() as connection:
        change = Change(connection, here.heart.vault, "os:test", clock.now_ms())
        await absences.add(change, band.person_id.hex(), begin, end, "hospital")
    await here.heart.context.changed_elsewhere()


async def test_nobody_looks_for_the_band_of_an_absent_wearer_and_its_end_begins_anew(
    heart: Core,
) -> None:
    with days(heart) as here:
        band, other = await heart.add_band(), await heart.add_band()
        await _away(here, band, 10, 150)
        await here.pass_minutes(8, [band, other])
        await here.pass_minutes(142 + FAULT_MIN - 5, [other])
        assert await here.states() == {band.device_id: "missing"}
        assert await here.told() == []
        await here.pass_minutes(4, [other])
        assert await here.states() == {band.device_id: "silent"}


async def test_an_sos_in_an_absence_rings_as_always(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await _away(here, band, 0, 300)
        await here.pass_minutes(100)
        await bring(heart, (band, band.sos()))
        await here.pass_minutes(5)
        (case,) = await heart.cases()
    assert case.state == "ringing"
    assert band.states() == [answers.STORED]
    assert await here.told() == [("sos", False)]


async def test_an_absence_that_becomes_known_later_ends_the_fault(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.pass_minutes(5, [band])
        await here.pass_minutes(FAULT_MIN)
        await here.change("UPDATE outbox SET attempts = 1")
        await _away(here, band, -30, 60)
        await here.pass_minutes(1)
        (one,) = await here.silences()
        assert one.state == "suspended"
        assert await here.told() == [("band_silent", False), ("band_silent", True)]


async def test_a_wearer_who_is_back_early_is_looked_after_from_then_on(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await _away(here, band, 0, 5_000)
        await here.pass_minutes(100)
        async with heart.database.write() as connection:
            change = Change(connection, heart.vault, "os:test", clock.now_ms())
            assert band.person_id is not None
            assert await absences.end(change, band.person_id.hex()) == 1
        await here.pass_minutes(PERIOD_MIN - 1)
        assert await here.silences() == []
        await here.pass_minutes(2 * PERIOD_MIN)
        assert await here.states() == {band.device_id: "silent"}


async def test_a_gateway_that_was_down_when_the_absence_ended_waits_all_the_same(
    heart: Core,
) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await _away(here, band, 0, 300)
        await here.pass_minutes(60)
        await here.restart()
        here.skip(600)
        await here.pass_minutes(PERIOD_MIN - 2)
        assert await here.silences() == []
        await here.pass_minutes(2 * PERIOD_MIN + 1)
        assert await here.states() == {band.device_id: "silent"}


async def test_only_that_wearer_is_absent(heart: Core) -> None:
    with days(heart) as here:
        away, other = await heart.add_band(), await heart.add_band()
        await _away(here, away, 0, 300)
        await here.pass_minutes(FAULT_MIN)
        assert await here.states() == {other.device_id: "silent"}
