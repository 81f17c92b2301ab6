# SPDX-License-Identifier: Apache-2.0
"""What a visit shows to be wrong with a band is a fault until a later one shows it right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.registry import visit_faults
from opaska_protocol.cbor import encode
from opaska_protocol.reports import VISIT_TEST
from tests.support.carers import new_uid, self_test, touch
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core

MINUTE = 60_000
HOUR = 60 * MINUTE
OPEN = "SELECT what, detail, in_charge FROM visit_fault WHERE ended_ms IS NULL ORDER BY what"


async def test_a_failed_test_opens_faults_and_a_passed_one_ends_them(heart: Core) -> None:
    band = await heart.add_band()
    failed = self_test(band, 1, round_trip_ms=None, battery_percent=9, broken=[15, 14])
    await bring(heart, (band, failed))
    assert await heart.rows(OPEN) == [
        ("battery", "9 %", "carer"),
        ("no_answer", "no answer within 60 s", "technician"),
        ("sensors", "gnss, oximeter", "technician"),
    ]
    (due_in,) = await heart.rows("SELECT min(due_ms - opened_ms) FROM visit_fault")
    assert due_in == (24 * HOUR,)
    await bring(heart, (band, self_test(band, 3, broken=[14])))
    assert await heart.rows(OPEN) == [("sensors", "oximeter", "technician")]
    await bring(heart, (band, self_test(band, 5)))
    assert await heart.rows(OPEN) == []
    assert len(await heart.rows("SELECT * FROM visit_fault WHERE ended_by IS NOT NULL")) == 3


async def test_a_fault_that_goes_on_keeps_its_deadline_and_one_that_returns_gets_another(
    heart: Core,
) -> None:
    band = await heart.add_band()
    for of_seq, percent in enumerate((9, 8, 80, 7)):
        await bring(heart, (band, self_test(band, of_seq, battery_percent=percent)))
    rows = await heart.rows("SELECT detail, ended_ms IS NULL FROM visit_fault ORDER BY id")
    assert rows == [("8 %", 0), ("7 %", 1)]


async def test_a_test_that_comes_behind_a_newer_one_changes_nothing(heart: Core) -> None:
    band = await heart.add_band()
    failed = self_test(band, 1, round_trip_ms=None)
    passed = self_test(band, 2)
    await bring(heart, (band, passed))
    await bring(heart, (band, failed))
    assert await heart.rows(OPEN) == []
    failed, passed = self_test(band, 4, round_trip_ms=None), self_test(band, 3)
    band.restart()
    newest = self_test(band, 5, round_trip_ms=None)
    await bring(heart, (band, newest), (band, passed), (band, failed))
    assert [row.what for row in await heart.rows(OPEN)] == ["no_answer"]
    assert len(await heart.rows("SELECT * FROM visit_test")) == 5, "all of them are kept"


async def test_a_restart_in_the_middle_of_a_test_sends_no_technician_and_ends_no_fault(
    heart: Core,
) -> None:
    band = await heart.add_band()
    band.restart()
    cut = self_test(band, 1, round_trip_ms=None, of_boot=1, broken=[15])
    await bring(heart, (band, cut))
    assert [row.what for row in await heart.rows(OPEN)] == ["sensors"], "which it has seen"
    await bring(heart, (band, self_test(band, 4, round_trip_ms=None)))
    band.restart()
    await bring(heart, (band, self_test(band, 5, round_trip_ms=None, of_boot=2)))
    assert [row.what for row in await heart.rows(OPEN)] == ["no_answer"]


async def test_a_touch_that_comes_ten_minutes_late_is_a_fault_until_one_comes_in_time(
    heart: Core,
) -> None:
    band, card = await heart.add_band(), new_uid()
    now = clock.now_ms()

    def at(ms: int) -> dict[str, Any]:
        return {"time": [3, ms // 1000, 1], "uptime_ms": HOUR + ms - now}

    late = touch(band, card, **at(now))
    await bring(heart, (band, late), received_ms=now + 3 * HOUR)
    assert await heart.rows(OPEN) == [("late", "came 179 min later", "technician")]
    in_time = touch(band, card, **at(now + 3 * HOUR))
    await bring(heart, (band, in_time), received_ms=now + 3 * HOUR + MINUTE)
    assert await heart.rows(OPEN) == []
    assert await heart.cases() == [], "nobody is called"
    assert await heart.rows("SELECT * FROM outbox") == []


async def test_the_technician_sees_who_is_in_charge_and_what_is_overdue(heart: Core) -> None:
    band, revoked = await heart.add_band(), await heart.add_band()
    for one in (band, revoked):
        failed = self_test(one, 1, round_trip_ms=None, battery_percent=9, broken=[15])
        await bring(heart, (one, failed))
    await bring(heart, (band, self_test(band, 2, round_trip_ms=None, broken=[15])))
    await heart.database.transact(
        lambda connection: connection.execute(
            text("UPDATE device SET revoked_ms = 1 WHERE id = :id"), {"id": revoked.device_id}
        ).close()
    )
    now = clock.now_ms()
    async with heart.database.read() as connection:
        lines = await visit_faults.list_all(connection, now - HOUR, now + 25 * HOUR)
    assert [(line["fault"], line["state"], line["in_charge"]) for line in lines] == [
        ("no answer, at a visit", "overdue", "technician"),
        ("sensors, at a visit", "open", "technician"),
        ("battery, at a visit", "ended", "carer"),
    ]
    assert {line["label"] for line in lines} == {band.kid_hex}


async def test_two_bands_have_faults_of_their_own(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band()
    sent = [(one, self_test(one, 1, battery_percent=5)) for one in (band, other)]
    await bring(heart, *sent)
    await bring(heart, (other, self_test(other, 2)))
    rows = await heart.rows("SELECT device_id FROM visit_fault WHERE ended_ms IS NULL")
    assert rows == [(band.device_id,)]


async def test_a_test_that_names_no_touch_counts_for_the_band_alone(heart: Core) -> None:
    band = await heart.add_band()
    body = encode({0: VISIT_TEST, 1: 1_000, 7: 4})
    await bring(heart, (band, band.seal_body(body)))
    assert [row.what for row in await heart.rows(OPEN)] == ["battery", "no_answer"]
    assert await heart.rows("SELECT * FROM visit_test") == []
