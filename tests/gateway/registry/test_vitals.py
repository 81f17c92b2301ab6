# SPDX-License-Identifier: Apache-2.0
"""What a band has measured is told of its wearer of now alone, at its time, and who looks is
audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import vitals
from opaska_gateway.registry.change import Change
from opaska_protocol import reports
from tests.support.gateway_core import assign, core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from sqlalchemy import Connection

    from tests.support.gateway_core import Core, CoreBand

HOUR = 3_600_000


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


def measured(band: CoreBand, uptime_ms: int, bpm: int | None, why: int = 1) -> bytes:
    told = {"heart_rate_bpm": bpm, "spo2_percent": bpm and 96, "quality_percent": 80, "why": why}
    return band.seal(reports.VITALS, uptime_ms=uptime_ms, **told)


async def shown(heart: Core, band: CoreBand, why: str = "a call") -> list[dict[str, Any]]:
    async with heart.database.write() as connection:
        change = Change(connection, heart.vault, "officer", clock.now_ms())
        return await vitals.of_band(change, band.kid_hex, why)


async def test_measurements_stand_at_their_own_time_however_late_they_came(heart: Core) -> None:
    band = await heart.add_band()
    now = clock.now_ms()
    late = [measured(band, hour * HOUR, 60 + hour) for hour in (1, 2, 3)]
    last = band.heartbeat(uptime_ms=4 * HOUR)
    await bring(heart, (band, last), received_ms=now)
    await bring(heart, *((band, frame) for frame in late[::-1]), received_ms=now + 1_000)
    rows = await shown(heart, band)
    assert [row["heart_rate_bpm"] for row in rows] == [63, 62, 61]
    assert [row["measured_ms"] - now for row in rows] == [-HOUR, -2 * HOUR, -3 * HOUR]


async def test_next_wearer_of_a_band_has_none_of_the_last_ones_numbers(heart: Core) -> None:
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> None:
        assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        assign(connection, heart.vault, band, now - HOUR)

    await heart.database.transact(hand_over)
    await bring(heart, (band, measured(band, 1_000, 120)), received_ms=now - 2 * HOUR)
    assert await shown(heart, band) == []
    await bring(heart, (band, measured(band, 2 * HOUR, 70)), received_ms=now)
    assert [row["heart_rate_bpm"] for row in await shown(heart, band)] == [70]


async def test_a_measurement_without_a_pulse_and_a_reason_that_is_new_are_told_as_they_are(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, measured(band, 1_000, None)), (band, measured(band, 2_000, 70, 9)))
    assert [(row["heart_rate_bpm"], row["why"]) for row in await shown(heart, band)] == [
        (70, "9"),
        (None, "schedule"),
    ]


async def test_who_looks_is_audited_and_needs_a_reason_and_a_band(heart: Core) -> None:
    band = await heart.add_band()
    await shown(heart, band, "she feels dizzy")
    (line,) = await heart.rows("SELECT who, what, subject, why FROM audit")
    assert band.person_id is not None
    whose = f"person:{band.person_id.hex()}"
    assert tuple(line) == ("officer", "vitals_read", whose, "she feels dizzy")
    with pytest.raises(Refused, match="reason"):
        await shown(heart, band, " ")
    band.kid = bytes(8)
    with pytest.raises(NotFound):
        await shown(heart, band)
