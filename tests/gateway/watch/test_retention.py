# SPDX-License-Identifier: Apache-2.0
"""What was kept long enough goes, a few rows at a time; what matters stays, and so does the proof
that a report was had."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from opaska_gateway import clock
from opaska_gateway.database import refused, retention, tables
from opaska_gateway.settings import RetentionSettings
from opaska_gateway.watch import retention as duty
from opaska_gateway.watch.retention import DAY_MS, Retention
from opaska_protocol import reports
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from tests.support.gateway_core import Core

KEEP = RetentionSettings()
BODIES = "SELECT report_type, body IS NOT NULL AS said, body_form FROM event ORDER BY id"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty, "PAUSE_S", 0.0)


async def days_later(heart: Core, days: int, **settings: int) -> None:
    """One round of a gateway that started then."""
    with clock.driven_by(Later(days * DAY_MS)):
        await Retention(heart.context, RetentionSettings(**settings)).round()


async def count(heart: Core, table: str) -> int:
    (row,) = await heart.rows(f"SELECT count(*) FROM {table}")  # noqa: S608
    return int(row[0])


async def _garbage(heart: Core, frames: int, days_ago: int = 0) -> None:
    """Refused in one day on behalf of bands that nobody knows."""
    at_ms = clock.now_ms() - days_ago * DAY_MS
    rows = [
        {
            "band": bytes(8),
            "day": at_ms // DAY_MS,
            "reason": "unknown_band",
            "way": "mqtt",
            "received_ms": at_ms,
            "frame": os.urandom(20),
        }
        for _ in range(frames)
    ]
    await heart.database.transact(
        lambda now: now.execute(insert(tables.refused_frame), rows).close()
    )


async def test_a_refused_frame_is_kept_for_its_days_and_its_count_stays(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, b"\xff"))
    await days_later(heart, KEEP.refused_days - 1)
    assert await count(heart, "refused_frame") == 1
    await days_later(heart, KEEP.refused_days + 1)
    assert await count(heart, "refused_frame") == 0
    assert await heart.rows("SELECT count FROM refusal_count") == [(1,)]


async def test_an_attacker_who_floods_for_months_fills_no_more_than_the_bound(heart: Core) -> None:
    """Each day as many as are kept of one band; without retention they would all be there."""
    for days_ago in range(30, 0, -1):
        await _garbage(heart, refused.KEPT_PER_DAY // 5, days_ago)
    assert await count(heart, "refused_frame") == 6_000
    await days_later(heart, 0, refused_most=1_000)
    assert await count(heart, "refused_frame") == 1_000
    (row,) = await heart.rows("SELECT min(received_ms) FROM refused_frame")
    assert row[0] > clock.now_ms() - 6 * DAY_MS, "the newest stay"


async def test_no_transaction_touches_more_than_a_few_rows(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline gets its turn between any two."""
    await _garbage(heart, 1_000, days_ago=100)
    changed: list[int] = []
    transact = heart.database.transact

    async def counted(work: Callable[[Connection], Any]) -> Any:
        rows = await transact(work)
        changed.append(rows)
        return rows

    monkeypatch.setattr(heart.database, "transact", counted)
    await days_later(heart, 0)
    assert changed == [retention.AT_ONCE] * 5 + [0, 0]


async def test_everyday_reports_lose_what_they_said_and_their_copies_are_still_repeats(
    heart: Core,
) -> None:
    band = await heart.add_band()
    heartbeat = band.heartbeat()
    worn = band.seal(reports.WEAR, uptime_ms=6_000, state=reports.WORN, since_ms=5_500)
    await bring(heart, (band, heartbeat), (band, worn))
    await days_later(heart, KEEP.telemetry_days - 1)
    assert all(row.said for row in await heart.rows(BODIES))
    await days_later(heart, KEEP.telemetry_days + 1)
    assert [tuple(row)[1:] for row in await heart.rows(BODIES)] == [(0, "clear")] * 2
    answered = len(band.answers)
    await bring(heart, (band, heartbeat))
    assert await count(heart, "event") == 2
    assert len(band.answers) == answered + 1


async def test_alarms_faults_and_what_is_in_a_case_keep_what_they_said(heart: Core) -> None:
    band = await heart.add_band()
    fault = band.seal(reports.FAULT, uptime_ms=6_000, code=reports.FLASH_FULL, detail="full")
    await bring(heart, (band, fault), (band, band.sos()), (band, band.heartbeat()))
    await days_later(heart, 3_000)
    assert all(row.said for row in await heart.rows(BODIES))
    assert await count(heart, "care_case") == 1


async def test_the_motion_of_a_fall_goes_also_out_of_its_case(heart: Core) -> None:
    band = await heart.add_band()
    motion = band.seal(
        reports.MOTION, uptime_ms=6_000, of_seq=1, part=0, parts=1, data=b"\x01\x02"
    )
    await bring(heart, (band, band.sos()), (band, motion))
    await days_later(heart, KEEP.motion_days - 1)
    assert [row.said for row in await heart.rows(BODIES)] == [1, 1]
    await days_later(heart, KEEP.motion_days + 1)
    assert [row.said for row in await heart.rows(BODIES)] == [1, 0]


async def test_a_running_gateway_thins_each_day_what_became_old_since(heart: Core) -> None:
    """It remembers how far it looked, and looks on from there."""
    band = await heart.add_band()
    keeper = Retention(heart.context, KEEP)
    for day in range(3):
        received_ms = clock.now_ms() + day * DAY_MS
        await bring(heart, (band, band.heartbeat()), received_ms=received_ms)
    for day in range(3):
        with clock.driven_by(Later((KEEP.telemetry_days + day) * DAY_MS + DAY_MS // 2)):
            await keeper.round()
        said = [row.said for row in await heart.rows(BODIES)]
        assert said == [0] * (day + 1) + [1] * (2 - day)


async def test_the_ledger_of_wearing_is_thinned(heart: Core) -> None:
    band = await heart.add_band()
    worn = band.seal(reports.WEAR, uptime_ms=6_000, state=reports.WORN, since_ms=5_500)
    await bring(heart, (band, worn))
    assert await count(heart, "wear_sighting") == 1
    await days_later(heart, KEEP.wear_days - 1)
    assert await count(heart, "wear_sighting") == 1
    await days_later(heart, KEEP.wear_days + 1)
    assert await count(heart, "wear_sighting") == 0
