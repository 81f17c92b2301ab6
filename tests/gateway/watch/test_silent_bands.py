# SPDX-License-Identifier: Apache-2.0
"""Promise 6: a silent band is a fault within three periods; nothing else is one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock
from opaska_gateway.database import silences as database_silences
from opaska_gateway.watch import silence_faults
from opaska_protocol import reports
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, MINUTE_MS, PERIOD_MIN, days

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days


async def _one_silent(here: Days) -> CoreBand:
    """A band that spoke, and then no more."""
    band = await here.heart.add_band()
    await here.look()
    await bring(here.heart, (band, band.heartbeat(battery_percent=80)))
    await here.pass_minutes(FAULT_MIN - 1)
    return band


async def test_a_silent_band_is_missing_after_one_period_and_a_fault_within_three(
    heart: Core,
) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.look()
        await bring(heart, (band, band.heartbeat()))
        spoke_ms = clock.now_ms()
        await here.pass_minutes(PERIOD_MIN - 1)
        assert await here.silences() == []
        await here.pass_minutes(2)
        (one,) = await here.silences()
        assert (one.state, one.since_ms) == ("missing", pytest.approx(spoke_ms, abs=2_000))
        assert await here.told() == []
        await here.pass_minutes(2 * PERIOD_MIN - 4)
        assert await here.told() == []
        await here.pass_minutes(3 - 0.5)
        (one,) = await here.silences()
    assert one.state == "silent"
    assert one.raised_ms - spoke_ms <= FAULT_MIN * MINUTE_MS
    assert await here.told() == [("band_silent", False)]
    assert await heart.cases() == []
    (duty,) = [event for event in await heart.events() if event.kind == "duty"]
    assert (duty.device_id, duty.person_id, duty.rings) == (band.device_id, band.person_id, 0)


async def test_its_return_ends_it_with_both_times_and_the_centre_hears_so(heart: Core) -> None:
    with days(heart) as here:
        band = await _one_silent(here)
        await here.change("UPDATE outbox SET attempts = 1, done_ms = 1, outcome = 'accepted'")
        await bring(heart, (band, band.heartbeat()))
        assert heart.context.words.of_silent.is_set(), "nobody waits for the next look"
        await here.look()
        (one,) = await here.silences()
    assert one.state == "returned"
    assert one.raised_ms < one.ended_ms
    assert await here.told() == [("band_silent", False), ("band_silent", True)]
    first, last = await heart.rows("SELECT payload FROM outbox ORDER BY id")
    assert json.loads(last[0]) == {**json.loads(first[0]), "restore": True}


async def test_a_fault_that_ends_before_the_centre_heard_of_it_is_not_told_at_all(
    heart: Core,
) -> None:
    with days(heart) as here:
        band = await _one_silent(here)
        await bring(heart, (band, band.heartbeat()))
        await here.look()
    (row,) = await heart.rows("SELECT outcome, done_ms FROM outbox")
    assert row.outcome == "over"
    assert row.done_ms is not None


async def test_a_band_that_beats_is_never_missed(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.pass_minutes(4 * FAULT_MIN, [band], every_min=15)
        assert await here.silences() == []


async def test_any_report_is_a_word_but_not_a_repeat_nor_what_the_broker_says(
    heart: Core,
) -> None:
    with days(heart) as here:
        speaks, repeats, lost = [await heart.add_band() for _ in range(3)]
        await here.look()
        recorded = repeats.heartbeat()
        await bring(heart, (repeats, recorded), (lost, lost.heartbeat()))
        for _ in range(FAULT_MIN // 10):
            await bring(
                heart,
                (speaks, speaks.seal(reports.FAULT, uptime_ms=1, code=3)),
                (repeats, recorded),
                (lost, lost.seal(reports.LINK_LOST, uptime_ms=1)),
            )
            await here.pass_minutes(10)
        states = await here.states()
    assert states == {repeats.device_id: "silent", lost.device_id: "silent"}


async def test_a_band_with_rare_heartbeats_has_their_interval_as_its_period(heart: Core) -> None:
    with days(heart) as here:
        band, other = await heart.add_band(), await heart.add_band()
        await here.change(
            "UPDATE assignment SET settings = '{\"heartbeat_s\": 3600}' WHERE id = :id",
            id=band.assignment_id,
        )
        await here.pass_minutes(59)
        assert await here.states() == {other.device_id: "silent"}
        await here.pass_minutes(114)
        assert (await here.states())[band.device_id] == "missing"
        await here.pass_minutes(2)
        assert (await here.states())[band.device_id] == "silent"


async def test_only_bands_on_a_wrist_are_looked_after(heart: Core) -> None:
    with days(heart) as here:
        in_store, revoked, taken = (
            await heart.add_band(worn=False),
            await heart.add_band(),
            await heart.add_band(),
        )
        await here.look()
        await here.change("UPDATE device SET revoked_ms = 1 WHERE id = :id", id=revoked.device_id)
        await here.pass_minutes(PERIOD_MIN + 1)
        assert await here.states() == {taken.device_id: "missing"}
        await here.change(
            "UPDATE assignment SET to_ms = :now WHERE id = :id",
            now=clock.now_ms(),
            id=taken.assignment_id,
        )
        await here.pass_minutes(FAULT_MIN)
        assert await here.states() == {taken.device_id: "released"}
        assert in_store.device_id not in await here.states()
        assert await here.told() == []


async def test_a_band_worn_by_somebody_else_now_begins_anew(heart: Core) -> None:
    from tests.support.gateway_core import assign

    with days(heart) as here:
        band = await _one_silent(here)
        old = band.assignment_id
        await here.change(
            "UPDATE assignment SET to_ms = :now WHERE id = :id", now=clock.now_ms(), id=old
        )
        await heart.database.transact(
            lambda connection: assign(connection, heart.vault, band, clock.now_ms()) and None
        )
        await heart.context.changed_elsewhere()
        await here.pass_minutes(PERIOD_MIN - 1)
        (one,) = await here.silences()
        assert (one.state, one.assignment_id) == ("released", old)
        await here.pass_minutes(2 * PERIOD_MIN)
        assert [each.state for each in await here.silences()] == ["released", "silent"]
        assert (await here.silences())[1].cause == "never_heard"


# --- the gateway itself was away ---------------------------------------------------------------


async def test_a_gateway_that_was_down_for_hours_makes_no_false_fault(heart: Core) -> None:
    with days(heart) as here:
        bands = [await heart.add_band() for _ in range(8)]
        await here.pass_minutes(30, bands)
        await here.restart()
        here.skip(600)
        await here.pass_minutes(30)
        assert "silent" not in (await here.states()).values()
        await here.pass_minutes(30, bands)
        assert set((await here.states()).values()) == {"returned"}
        assert await here.told() == []


async def test_a_gateway_that_restarts_every_half_hour_still_finds_the_silent_band(
    heart: Core,
) -> None:
    with days(heart) as here:
        band, other = await heart.add_band(), await heart.add_band()
        await here.pass_minutes(5, [band, other])
        for _ in range(3):
            await here.pass_minutes(20, [other])
            await here.restart()
            here.skip(15)
        assert await here.states() == {band.device_id: "silent"}


async def test_while_its_broker_is_away_nobody_is_judged(heart: Core) -> None:
    with days(heart) as here:
        bands = [await heart.add_band() for _ in range(8)]
        await here.pass_minutes(30, bands)
        here.hears = False
        await here.pass_minutes(3 * FAULT_MIN)
        here.hears = True
        await here.pass_minutes(2)
        assert await here.silences() == []
        await here.pass_minutes(FAULT_MIN)
        assert set((await here.states()).values()) == {"silent"}


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
async def test_a_clock_that_is_set_makes_no_fault_and_hides_none(heart: Core, hours: int) -> None:
    with days(heart) as here:
        band, other = await heart.add_band(), await heart.add_band()
        await here.pass_minutes(5, [band, other])
        await here.pass_minutes(30, [other])
        here.skip(hours * 60)
        await here.pass_minutes(20, [other])
        assert await here.states() == {band.device_id: "missing"}
        await here.pass_minutes(10, [other])
        assert await here.states() == {band.device_id: "silent"}


@pytest.mark.parametrize("hours", [-24, 24])
async def test_who_spoke_just_before_the_clock_was_set_is_a_fault_no_sooner_and_no_later(
    heart: Core, hours: int
) -> None:
    with days(heart) as here:
        early, late = await heart.add_band(), await heart.add_band()
        await here.pass_minutes(5, [early, late])
        await bring(heart, (early, early.heartbeat()))
        here.skip(hours * 60)
        await bring(heart, (late, late.heartbeat()))
        await here.pass_minutes(FAULT_MIN - 5)
        both = early.device_id, late.device_id
        assert await here.states() == dict.fromkeys(both, "missing")
        await here.pass_minutes(4)
        assert await here.states() == dict.fromkeys(both, "silent")


async def test_words_that_could_not_be_written_down_count_when_the_disk_is_well_again(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    with days(heart) as here:
        band = await _one_silent(here)
        await bring(heart, (band, band.heartbeat()))

        def fails(*_: object) -> None:
            raise OSError("planted")

        with monkeypatch.context() as broken:
            broken.setattr("opaska_gateway.database.watched_bands.hear", fails)
            await here.watch._round()
            assert here.watch._problem is not None
        await here.look()
        assert await here.states() == {band.device_id: "returned"}


# --- killed, or not alone ----------------------------------------------------------------------


async def test_two_gateways_raise_a_fault_once_and_end_it_once(heart: Core) -> None:
    with days(heart) as here:
        bands = [await heart.add_band() for _ in range(4)]  # fewer than an outage
        await here.pass_minutes(5, bands)
        await here.pass_minutes(52)
        await here.change("UPDATE outbox SET attempts = 1")
        here.skip(1.9)
        both = [here.watch, here.new_watch(heart.new_context())]
        await asyncio.gather(*(watch._round() for watch in both))
        assert await here.told() == 4 * [("band_silent", False)]
        await here.change("UPDATE outbox SET attempts = 1")
        await bring(heart, *((band, band.heartbeat()) for band in bands))
        await here.watch._write_down()
        await asyncio.gather(*(watch._round() for watch in both))
        assert [watch._problem for watch in both] == [None, None]
    assert await here.told() == 4 * [("band_silent", False)] + 4 * [("band_silent", True)]
    assert set((await here.states()).values()) == {"returned"}


PLACES = ("known_of", "_duty", "move", "_tell", "commit")


@pytest.mark.parametrize("place", PLACES)
async def test_a_failure_within_the_raising_leaves_nothing_half_done(
    heart: Core, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.look()
        await bring(heart, (band, band.heartbeat()))
        await here.pass_minutes(57)
        here.skip(1.5)

        def fails(*_: object, **__: object) -> None:
            raise OSError("planted")

        with monkeypatch.context() as broken:
            if place == "move":
                broken.setattr(database_silences, "move", fails)
            elif place == "commit":
                broken.setattr(silence_faults.SilenceFaults, "_begin", _then_fail)
            else:
                broken.setattr(silence_faults, place, fails)
            await here.watch._round()
        if place == "known_of":  # only a hint
            assert (await here.silences())[0].cause == "unknown"
        else:
            assert await here.states() == {band.device_id: "missing"}
            assert await here.told() == []
            await here.look()
        assert await here.states() == {band.device_id: "silent"}
        assert await here.told() == [("band_silent", False)]


_begin = silence_faults.SilenceFaults._begin


def _then_fail(*arguments: object) -> None:
    _begin(*arguments)  # type: ignore[arg-type]
    raise OSError("planted")


async def test_one_fault_that_cannot_be_raised_holds_up_no_other(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    with days(heart) as here:
        bands = [await heart.add_band() for _ in range(3)]
        await here.pass_minutes(5, bands)
        await here.pass_minutes(50)
        tell = silence_faults._duty

        def chokes(connection: object, one: database_silences.Open, at_ms: int) -> int:
            if one.device_id == bands[1].device_id:
                raise ValueError("planted")
            return tell(connection, one, at_ms)  # type: ignore[arg-type]

        monkeypatch.setattr(silence_faults, "_duty", chokes)
        here.watch._problem = "known"
        for _ in range(8):
            here.skip(0.5)
            await here.watch._round()
        states = await here.states()
    assert [states[band.device_id] for band in bands] == ["silent", "missing", "silent"]
