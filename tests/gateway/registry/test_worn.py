# SPDX-License-Identifier: Apache-2.0
"""The ledger of a person, from sealed reports to hours a day; the end of an alarm in its case."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from opaska_gateway import clock
from opaska_gateway.errors import NotFound
from opaska_gateway.registry import cases, worn
from opaska_protocol import reports
from tests.support.gateway_core import core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand

HOUR = 3_600_000


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


async def ledger(heart: Core, band: CoreBand, days: int, now_ms: int) -> list[dict[str, Any]]:
    assert band.person_id is not None
    async with heart.database.read() as connection:
        return await worn.show(connection, band.person_id.hex(), days, now_ms)


def off(band: CoreBand, uptime_ms: int) -> bytes:
    told = {"state": reports.TAKEN_OFF, "since_ms": uptime_ms, "before": reports.WORN}
    return band.seal(reports.WEAR, uptime_ms=uptime_ms, **told)


def on(band: CoreBand, uptime_ms: int) -> bytes:
    told = {"state": reports.WORN, "since_ms": uptime_ms, "before": reports.TAKEN_OFF}
    return band.seal(reports.WEAR, uptime_ms=uptime_ms, **told)


async def test_ledger_counts_a_day_with_an_hour_off_and_a_restart(heart: Core) -> None:
    band = await heart.add_band()
    start = clock.now_ms()
    for frame, after_ms in (
        (band.heartbeat(uptime_ms=1_000, wear=reports.WORN), 1_000),
        (off(band, HOUR), HOUR),
        (on(band, 2 * HOUR), 2 * HOUR),
        (band.heartbeat(uptime_ms=3 * HOUR, wear=reports.WORN), 3 * HOUR),
    ):
        await bring(heart, (band, frame), received_ms=start + after_ms)
    band.restart()
    beat = band.heartbeat(uptime_ms=1_000, wear=reports.WORN)
    await bring(heart, (band, beat), received_ms=start + 4 * HOUR)
    end = start + 4 * HOUR
    rows = await ledger(heart, band, 3, end)
    assert len(rows) == 3
    sums = {key: round(sum(row[key] for row in rows), 1) for key in rows[0] if key != "day"}
    assert (sums["worn_hours"], sums["off_hours"], sums["charging_hours"]) == (2.0, 1.0, 0)
    silent = sums["unknown_hours"] - _hours_since(end, 2) + 4
    assert silent == pytest.approx(1, abs=0.1), "the hour of the restart"


async def test_change_that_comes_late_corrects_the_ledger(heart: Core) -> None:
    band = await heart.add_band()
    start = clock.now_ms()
    first = band.heartbeat(uptime_ms=1_000, wear=reports.WORN)
    late_off, late_on = off(band, HOUR), on(band, 2 * HOUR)
    last = band.heartbeat(uptime_ms=3 * HOUR - 1, wear=reports.WORN)
    await bring(heart, (band, first), received_ms=start + 1_000)
    await bring(heart, (band, last), received_ms=start + 3 * HOUR)
    assert await _worn_hours(heart, band, start) == 3.0
    await bring(heart, (band, late_on), received_ms=start + 3 * HOUR + 1_000)
    assert await _worn_hours(heart, band, start) == 1.0, "what was before the change is not known"
    await bring(heart, (band, late_off), received_ms=start + 3 * HOUR + 2_000)
    assert await _worn_hours(heart, band, start) == 2.0


async def test_person_whom_no_band_speaks_of_is_unknown_and_a_stranger_is_refused(
    heart: Core,
) -> None:
    band = await heart.add_band()
    rows = await ledger(heart, band, 2, clock.now_ms())
    assert [row["worn_hours"] for row in rows] == [0, 0]
    assert rows[0]["unknown_hours"] in (23, 24, 25)
    async with heart.database.read() as connection:
        with pytest.raises(NotFound, match="no person"):
            await worn.show(connection, "ffffffff", 2, clock.now_ms())


async def test_case_tells_that_the_band_was_taken_off_and_is_on_again(heart: Core) -> None:
    band = await heart.add_band()
    start = clock.now_ms()
    alarm = band.sos(kind=reports.STRAP, uptime_ms=HOUR, why=reports.WHY_TAKEN_OFF)
    await bring(heart, (band, alarm), (band, off(band, HOUR)), received_ms=start)
    await bring(heart, (band, on(band, HOUR + 60_000)), received_ms=start + 60_000)
    [case] = await heart.cases()
    assert case.state == "ringing", "a human closes it"
    async with heart.database.read() as connection:
        facts = await cases.show(connection, heart.vault, case.id)
    assert facts["kinds"] == "strap"
    assert [(one["state"], one["since_ms"] - start) for one in facts["wear"]] == [
        ("taken off", 0),
        ("worn", 60_000),
    ]


async def _worn_hours(heart: Core, band: CoreBand, start: int) -> float:
    rows = await ledger(heart, band, 2, start + 3 * HOUR)
    worn_hours: float = sum(row["worn_hours"] for row in rows)
    return round(worn_hours, 1)


def _hours_since(end: int, days: int) -> float:
    """Hours from the beginning of the day so many days before, in Warsaw, until `end`."""
    home = ZoneInfo("Europe/Warsaw")
    day = datetime.fromtimestamp(end / 1000, home).date() - timedelta(days)
    return end / HOUR - datetime.combine(day, time(), home).timestamp() / 3_600
