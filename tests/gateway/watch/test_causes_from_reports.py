# SPDX-License-Identifier: Apache-2.0
"""The likely cause of a silence comes out of what the band itself reported, sealed and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock
from opaska_gateway.care.causes import HOUR_MS
from opaska_protocol import reports
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, days

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.gateway_core import Core, CoreBand
    from tests.support.silence import Days

    Story = Callable[[CoreBand], list[bytes]]  # an hour apart


def beats(*percents: int, **more: Any) -> Story:
    return lambda band: [band.heartbeat(battery_percent=one, **more) for one in percents]


def then(first: Story, type_: int, **fields: Any) -> Story:
    return lambda band: [*first(band), band.seal(type_, uptime_ms=9_000, **fields)]


HEALTHY = beats(90, 90, 89)
WEAR = {"since_ms": 8_000, "before": reports.WORN}
STORIES: dict[str, tuple[Story, str]] = {
    "healthy": (HEALTHY, "unknown"),
    "no gauge": (lambda band: [band.heartbeat()], "unknown"),
    "falling": (beats(28, 22, 16, 10, 4), "flat_battery"),
    "slowly falling": (beats(13, 12, 12, 11, 11), "unknown"),
    "forecast": (beats(30, 30, hours_left=1), "flat_battery"),
    "on the charger": (beats(3, 3, 3, charging=True), "unknown"),
    "charged since": (beats(9, 6, 3, 60, 60), "unknown"),
    "last words": (then(HEALTHY, reports.FAULT, code=reports.LAST_WORDS), "flat_battery"),
    "critical": (then(HEALTHY, reports.FAULT, code=reports.BATTERY_CRITICAL), "flat_battery"),
    "other fault": (then(HEALTHY, reports.FAULT, code=reports.FLASH_FULL), "unknown"),
    "taken off": (then(HEALTHY, reports.WEAR, state=reports.TAKEN_OFF, **WEAR), "taken_off"),
    "cut": (then(HEALTHY, reports.WEAR, state=reports.CUT, **WEAR), "taken_off"),
    "put on again": (
        then(
            then(HEALTHY, reports.WEAR, state=reports.TAKEN_OFF, **WEAR),
            reports.WEAR,
            state=reports.WORN,
            **WEAR,
        ),
        "unknown",
    ),
    "off, by heartbeat": (beats(80, wear=reports.TAKEN_OFF), "taken_off"),
    "link lost": (then(HEALTHY, reports.LINK_LOST), "link_lost"),
    "link lost, by an old will": (
        lambda band: [*HEALTHY(band), band.seal(reports.LINK_LOST, seq=0, uptime_ms=1)],
        "link_lost",
    ),
    "link lost and back": (
        lambda band: [band.seal(reports.LINK_LOST, uptime_ms=1), *HEALTHY(band)],
        "unknown",
    ),
    "garbage": (lambda band: [band.heartbeat(), band.seal_body(b"\xa1\x00\x02")], "unknown"),
}


async def _falls_silent(here: Days, story: Story) -> Any:
    """The newest silence of a band that told this story."""
    band, other = await here.heart.add_band(), await here.heart.add_band()
    for frame in story(band):
        await bring(here.heart, (band, frame))
        await here.pass_minutes(55, [other], every_min=15)
        here.skip(1)
    await here.pass_minutes(FAULT_MIN - 55, [other])
    return [one for one in await here.silences() if one.device_id == band.device_id][-1]


@pytest.mark.parametrize("story", STORIES)
async def test_the_cause_is_what_the_band_said(heart: Core, story: str) -> None:
    told, cause = STORIES[story]
    with days(heart) as here:
        one = await _falls_silent(here, told)
    assert (one.state, one.cause) == ("silent", cause)


async def _comes_back_for_a_moment(here: Days, band: CoreBand, frames: list[bytes]) -> Any:
    """What was kept in its outbox comes at once, the newest first; then no more."""
    for frame in reversed(frames):
        await bring(here.heart, (band, frame), received_ms=clock.now_ms())
    await here.pass_minutes(FAULT_MIN)
    return (await here.silences())[-1]


async def test_a_forecast_is_made_of_when_things_were_said_and_not_of_when_they_came(
    heart: Core,
) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.look()
        frames = [
            band.heartbeat(
                uptime_ms=hour * HOUR_MS,
                battery_percent=50 - 8 * hour,
                time=[1, (clock.now_ms() - (4 - hour) * HOUR_MS) // 1000, 1],
            )
            for hour in range(5)
        ]
        one = await _comes_back_for_a_moment(here, band, frames)
    assert one.cause == "flat_battery"


async def test_how_it_was_worn_last_is_what_it_said_last_whenever_that_came(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.look()
        frames = [
            band.seal(reports.WEAR, uptime_ms=9_000 + state, state=state, **WEAR)
            for state in (reports.TAKEN_OFF, reports.WORN)
        ]
        one = await _comes_back_for_a_moment(here, band, frames)
    assert one.cause == "unknown"


async def test_what_it_said_before_it_was_handed_over_tells_of_its_battery(heart: Core) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await bring(heart, (band, band.heartbeat(battery_percent=2)))
        await here.change("UPDATE event SET assignment_id = NULL, person_id = NULL")
        await here.pass_minutes(FAULT_MIN)
        (one,) = await here.silences()
    assert one.cause == "flat_battery"


async def test_a_band_that_is_silent_at_this_hour_every_week_is_in_its_usual_dead_spot(
    heart: Core,
) -> None:
    with days(heart) as here:
        band = await heart.add_band()
        await here.pass_minutes(1, [band])
        now_ms = here.source.now_ms()
        for week in (1, 2):
            await here.change(
                "INSERT INTO silence (organisation_id, device_id, person_id, assignment_id, state,"
                " since_ms, missing_ms, ended_ms) VALUES (:owner, :device, :person, :assignment,"
                " 'returned', :then, :then + 1200000, :then + 2400000)",
                owner=band.organisation_id,
                device=band.device_id,
                person=band.person_id,
                assignment=band.assignment_id,
                then=now_ms - week * 7 * 86_400_000,
            )
        await here.pass_minutes(FAULT_MIN)
        one = (await here.silences())[-1]
    assert (one.cause, one.detail) == (
        "dead_spot",
        "silent at this hour of the week 2 times in 8 weeks",
    )
