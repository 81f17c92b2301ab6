# SPDX-License-Identifier: Apache-2.0
"""Supervision counts in the heartbeats that a band really has: ordered ones, until they are in
force, and never makes a silence of one that is just on its way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from opaska_gateway import clock
from opaska_gateway.database import band_settings
from tests.support.pipeline_runs import bring
from tests.support.silence import MINUTE_MS, PERIOD_MIN, days

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days

HOUR_MIN = 60


async def _order(here: Days, band: CoreBand, heartbeat_s: int | None) -> None:
    """As `opaska bands set` does."""
    settings = {} if heartbeat_s is None else {"heartbeat_s": heartbeat_s}
    want = partial(
        band_settings.want,
        device_id=band.device_id,
        organisation_id=band.organisation_id,
        settings=settings,
    )
    await here.heart.database.transact(want)
    text = "{}" if heartbeat_s is None else f'{{"heartbeat_s": {heartbeat_s}}}'
    await here.change(
        "UPDATE assignment SET settings = :new WHERE id = :id", new=text, id=band.assignment_id
    )


async def _beat(here: Days, band: CoreBand, begun_ms: int, version: int) -> None:
    uptime_ms = clock.now_ms() - begun_ms
    frame = band.heartbeat(uptime_ms=uptime_ms, settings_version=version)
    await bring(here.heart, (band, frame))


async def test_a_heartbeat_as_rare_as_the_period_is_never_missed(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.look()
        for _ in range(4):
            await bring(heart, (band, band.heartbeat()))
            await here.pass_minutes(PERIOD_MIN)
            here.skip(0.7)
            await here.look()
        assert await here.silences() == []


async def test_a_band_that_does_not_know_yet_that_it_shall_beat_more_often_is_no_fault(
    heart: Core,
) -> None:
    with days(heart) as here:
        begun_ms = clock.now_ms() - MINUTE_MS
        band = await heart.add_band()
        await _order(here, band, 3_600)
        await _beat(here, band, begun_ms, version=1)
        await here.look()
        await _order(here, band, None)
        await here.pass_minutes(HOUR_MIN)
        assert await here.silences() == []
        await _beat(here, band, begun_ms, version=1)
        await here.pass_minutes(HOUR_MIN)
        assert await here.silences() == []


async def test_as_soon_as_it_knows_it_is_looked_for_as_often(heart: Core) -> None:
    with days(heart) as here:
        begun_ms = clock.now_ms() - MINUTE_MS
        band = await heart.add_band()
        await _order(here, band, 3_600)
        await _beat(here, band, begun_ms, version=1)
        await here.look()
        await _order(here, band, None)
        await here.pass_minutes(10)
        await _beat(here, band, begun_ms, version=2)
        await here.pass_minutes(3 * PERIOD_MIN)
        assert await here.states() == {band.device_id: "silent"}


async def test_a_band_may_take_rarer_heartbeats_at_once(heart: Core) -> None:
    with days(heart) as here:
        begun_ms = clock.now_ms() - MINUTE_MS
        band = await heart.add_band()
        await _beat(here, band, begun_ms, version=0)
        await here.look()
        await _order(here, band, 3_600)
        await here.pass_minutes(HOUR_MIN)
        assert await here.silences() == []
