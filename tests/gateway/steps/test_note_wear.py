# SPDX-License-Identifier: Apache-2.0
"""What reports say of being worn is kept once, dated as they are, for who wore the band then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock
from opaska_protocol import reports
from tests.support.gateway_core import assign
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.gateway_core import Core

HOUR = 3_600_000
SIGHTINGS = "SELECT state, at_ms, since_ms, before FROM wear_sighting ORDER BY event_id"


async def test_heartbeats_and_changes_are_kept_and_repeats_are_not(heart: Core) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    beat = band.heartbeat(uptime_ms=10_000, wear=reports.WORN)
    off = band.seal(
        reports.WEAR,
        uptime_ms=20_000,
        state=reports.TAKEN_OFF,
        since_ms=17_000,
        before=reports.WORN,
        evidence=3,
    )
    silent = band.heartbeat(uptime_ms=30_000)
    for _ in range(2):
        await bring(heart, (band, beat), received_ms=now + 10_000)
        await bring(heart, (band, off), received_ms=now + 20_000)
        await bring(heart, (band, silent), received_ms=now + 30_000)
    assert await heart.rows(SIGHTINGS) == [
        (reports.WORN, now + 10_000, None, None),
        (reports.TAKEN_OFF, now + 20_000, now + 17_000, reports.WORN),
    ]


async def test_a_late_change_belongs_to_who_wore_the_band_when_it_happened(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> tuple[bytes, bytes]:
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        return earlier, assign(connection, heart.vault, band, now - HOUR)

    earlier, later = await heart.database.transact(hand_over)
    off = {"state": reports.TAKEN_OFF, "since_ms": HOUR - 2_000, "before": reports.WORN}
    await bring(heart, (band, band.seal(reports.WEAR, uptime_ms=HOUR, **off)), received_ms=now)
    owners = "SELECT person_id FROM wear_sighting ORDER BY event_id"
    assert await heart.rows(owners) == [(later,)], "as far as anybody knows"
    beat = band.heartbeat(uptime_ms=4 * HOUR, wear=reports.TAKEN_OFF)
    await bring(heart, (band, beat), received_ms=now + 100)
    beat = band.heartbeat(uptime_ms=4 * HOUR + 1_000)  # what was learnt has come to rest
    await bring(heart, (band, beat), received_ms=now + 1_100)
    assert await heart.rows(owners) == [(earlier,), (later,)]
    told = now + 100 - 3 * HOUR
    assert (await heart.rows(SIGHTINGS))[0] == (
        reports.TAKEN_OFF,
        told,
        told - 2_000,
        reports.WORN,
    )


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"state": 1 << 20, "since_ms": 0}, []),
        ({"state": 7, "since_ms": 0, "before": 1 << 20}, [(7, 0, -20_000, None)]),
        ({"state": 1, "since_ms": 1 << 50}, [(1, 0, 0, None)]),
    ],
)
async def test_numbers_that_cannot_be_are_left_aside(
    heart: Core, fields: dict[str, int], kept: list[tuple[int, int, int, int | None]]
) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    await bring(
        heart, (band, band.seal(reports.WEAR, uptime_ms=20_000, **fields)), received_ms=now
    )
    assert await heart.rows(SIGHTINGS) == [
        (state, now + at_ms, now + since_ms, before) for state, at_ms, since_ms, before in kept
    ]
    assert len(await heart.events()) == 1
