# SPDX-License-Identifier: Apache-2.0
"""Many silent bands of one area are told as one outage, and end as one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from opaska_gateway.watch import silence_faults
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, PERIOD_MIN, days

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days


async def _bands(here: Days, count: int, area: str | None = None) -> list[CoreBand]:
    """Bands that speak now, a few minutes apart, in an area."""
    bands = [await here.heart.add_band() for _ in range(count)]
    if area is not None:
        for band in bands:
            await _move_to(here, band, area)
    return bands


async def _move_to(here: Days, band: CoreBand, area: str) -> None:
    await here.change(
        "INSERT INTO place (id, organisation_id, person_id, time_zone, area, created_ms)"
        " VALUES (:id, :owner, :person, 'Europe/Warsaw', :area, 1)",
        id=band.device_id,
        owner=band.organisation_id,
        person=band.person_id,
        area=area,
    )
    await here.change(
        "UPDATE assignment SET place_id = :place WHERE id = :id",
        place=band.device_id,
        id=band.assignment_id,
    )


async def _dozens_fall_silent(here: Days) -> tuple[list[CoreBand], list[CoreBand]]:
    """(silent ones of one area, ones elsewhere that go on)"""
    silent = await _bands(here, 12, "32-4")
    going_on = await _bands(here, 20, "31-1")
    await here.pass_minutes(6, silent + going_on)
    await here.pass_minutes(FAULT_MIN - 2, going_on)
    return silent, going_on


async def test_dozens_of_silent_bands_of_one_area_are_one_outage_with_its_members(
    heart: Core,
) -> None:
    with days(heart) as here:
        silent, _ = await _dozens_fall_silent(here)
        assert await here.told() == [("band_outage", False)]
        (outage,) = await here.outages()
        assert (outage.level, outage.place, outage.bands) == ("area", "32-4", 12)
        members = await here.silences()
        (row,) = await heart.rows("SELECT payload FROM outbox")
    assert {one.device_id for one in members} == {band.device_id for band in silent}
    assert {(one.state, one.cause, one.outage_id) for one in members} == {("silent", "outage", 1)}
    assert json.loads(row[0])["text"] == "12 of 12 bands silent, area 32-4"
    assert heart.context.counters["bands_silent"] == 12
    assert heart.context.counters["outages"] == 1


async def test_an_outage_is_over_when_they_are_back_and_is_told_to_be(heart: Core) -> None:
    with days(heart) as here:
        silent, going_on = await _dozens_fall_silent(here)
        await here.change("UPDATE outbox SET attempts = 1")
        await here.pass_minutes(1, silent[:6] + going_on)
        assert [one.ended_ms for one in await here.outages()] == [None]
        await here.pass_minutes(1, silent + going_on)
        assert [one.ended_ms is None for one in await here.outages()] == [False]
        assert set((await here.states()).values()) == {"returned"}
    assert await here.told() == [("band_outage", False), ("band_outage", True)]


async def test_who_stays_silent_after_an_outage_is_a_fault_of_its_own_a_period_later(
    heart: Core,
) -> None:
    with days(heart) as here:
        silent, going_on = await _dozens_fall_silent(here)
        await here.pass_minutes(PERIOD_MIN - 3, silent[2:] + going_on)
        assert {one.state for one in await here.silences()} == {"returned", "silent"}
        await here.pass_minutes(5, silent[2:] + going_on)
        assert [one.ended_ms is None for one in await here.outages()] == [False]
        assert await here.told() == [("band_outage", False)]
        await here.pass_minutes(PERIOD_MIN, silent[2:] + going_on)
        left = [one for one in await here.silences() if one.state == "silent"]
        assert {one.device_id for one in left} == {band.device_id for band in silent[:2]}
        assert {(one.cause, one.outage_id) for one in left} == {("unknown", None)}
    assert (await here.told()).count(("band_silent", False)) == 2


async def test_an_outage_that_ends_for_half_of_its_bands_hides_the_others_no_longer(
    heart: Core,
) -> None:
    with days(heart) as here:
        silent, going_on = await _dozens_fall_silent(here)
        await here.change("UPDATE outbox SET attempts = 1")
        back = silent[:6] + going_on
        await here.pass_minutes(PERIOD_MIN + 2, back)
        assert [one.ended_ms is None for one in await here.outages()] == [False]
        await here.pass_minutes(PERIOD_MIN, back)
        left = [one.device_id for one in await here.silences() if one.state == "silent"]
        assert set(left) == {band.device_id for band in silent[6:]}
    assert [told for told, is_end in await here.told() if is_end] == ["band_outage"]
    assert len(await here.told()) == 3, "the others are told anew"


async def test_who_was_heard_not_long_before_an_outage_was_over_is_given_all_its_time(
    heart: Core,
) -> None:
    with days(heart) as here:
        late = await _bands(here, 1, "32-4")
        silent = await _bands(here, 12, "32-4")
        await here.pass_minutes(6, silent)
        await here.pass_minutes(30, late)
        await here.pass_minutes(FAULT_MIN - 33)
        assert {one.state for one in await here.silences()} == {"silent", "missing"}
        assert len(await here.outages()) == 1
        await here.pass_minutes(1, silent)
        assert [one.ended_ms is None for one in await here.outages()] == [False]
        await here.pass_minutes(PERIOD_MIN + 2, silent)
        assert "silent" not in (await here.states()).values()
        await here.pass_minutes(10, silent)
        assert (await here.states())[late[0].device_id] == "silent"


async def test_who_falls_silent_while_the_outage_goes_on_belongs_to_it(heart: Core) -> None:
    with days(heart) as here:
        late = await _bands(here, 2, "32-4")
        silent = await _bands(here, 12, "32-4")
        other = await _bands(here, 20, "31-1")
        await here.pass_minutes(6, late + silent + other)
        await here.pass_minutes(FAULT_MIN - 5, late + other)
        await here.pass_minutes(FAULT_MIN, other)
        assert {one.outage_id for one in await here.silences()} == {1}
        assert len(await here.silences()) == 14
        assert await here.told() == [("band_outage", False)]


async def test_everybody_silent_is_one_outage_wherever_they_live(heart: Core) -> None:
    with days(heart) as here:
        bands = await _bands(here, 7, "32-4") + await _bands(here, 7, "31-1")
        await here.pass_minutes(5, bands)
        await here.pass_minutes(FAULT_MIN)
        assert await here.told() == [("band_outage", False)]
        (outage,) = await here.outages()
    assert (outage.level, outage.bands) == ("organisation", 14)


async def test_a_handful_in_a_big_area_are_faults_of_their_own(heart: Core) -> None:
    with days(heart) as here:
        silent, other = await _bands(here, 5, "32-4"), await _bands(here, 20, "32-4")
        await here.pass_minutes(5, silent + other)
        await here.pass_minutes(FAULT_MIN, other)
        assert await here.told() == 5 * [("band_silent", False)]
        assert await here.outages() == []


async def test_a_flood_from_everywhere_is_one_outage_though_most_bands_go_on(heart: Core) -> None:
    with days(heart) as here:
        here.watch = here.new_watch(heart.context, outage_flood=8)
        silent = [(await _bands(here, 1, f"{n}"))[0] for n in range(8)]
        other = [(await _bands(here, 1, f"{n}"))[0] for n in range(10)]
        await here.pass_minutes(6, silent + other)
        await here.pass_minutes(FAULT_MIN, other)
        assert await here.told() == [("band_outage", False)]
        (outage,) = await here.outages()
    assert (outage.level, outage.bands) == ("organisation", 18)


async def test_the_thresholds_are_settings(heart: Core) -> None:
    with days(heart) as here:
        silent, other = await _bands(here, 2, "32-4"), await _bands(here, 8, "32-4")
        here.watch = here.new_watch(heart.context, outage_bands=2, outage_percent=20)
        await here.pass_minutes(5, silent + other)
        await here.pass_minutes(FAULT_MIN, other)
        assert await here.told() == [("band_outage", False)]


async def test_two_gateways_tell_an_outage_once_and_its_end_once(heart: Core) -> None:
    with days(heart) as here:
        bands = await _bands(here, 8)
        await here.pass_minutes(5, bands)
        await here.pass_minutes(52)
        both = [here.watch, here.new_watch(heart.new_context())]
        here.skip(1.9)
        await asyncio.gather(*(watch._round() for watch in both))
        await here.change("UPDATE outbox SET attempts = 1")
        assert await here.told() == [("band_outage", False)]
        await bring(heart, *((band, band.heartbeat()) for band in bands))
        await here.watch._write_down()
        for _ in range(2):
            here.skip(0.1)
            await asyncio.gather(*(watch._round() for watch in both))
        assert [watch._problem for watch in both] == [None, None]
    assert await here.told() == [("band_outage", False), ("band_outage", True)]


@pytest.mark.parametrize("place", ["_tell", "commit"])
async def test_a_failure_within_an_outage_leaves_nothing_half_done(
    heart: Core, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with days(heart) as here:
        await _bands(here, 6)
        await here.pass_minutes(57)
        here.skip(1.9)
        begin = silence_faults._begin_outage

        def fails(*_: object, **__: object) -> None:
            if place == "commit":
                begin(*_)  # type: ignore[arg-type]
            raise OSError("planted")

        with monkeypatch.context() as broken:
            broken.setattr(silence_faults, "_tell" if place == "_tell" else "_begin_outage", fails)
            await here.watch._round()
        assert await here.outages() == []
        assert await here.told() == []
        assert set((await here.states()).values()) == {"missing"}
        await here.look()
        assert await here.told() == [("band_outage", False)]


async def test_a_gateway_killed_after_it_told_an_outage_goes_on_with_it(heart: Core) -> None:
    with days(heart) as here:
        silent, going_on = await _dozens_fall_silent(here)
        await here.change("UPDATE outbox SET attempts = 1")
        await here.restart()
        here.skip(30)
        await here.pass_minutes(2, going_on)
        assert await here.told() == [("band_outage", False)]
        await here.pass_minutes(1, silent + going_on)
        assert await here.told() == [("band_outage", False), ("band_outage", True)]
