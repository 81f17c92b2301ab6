# SPDX-License-Identifier: Apache-2.0
"""Every alarm waits in the outbox for the centre, each one, and says nothing about whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opaska_protocol import reports
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core


async def test_every_alarm_is_forwarded_also_one_of_the_same_kind(heart: Core) -> None:
    band = await heart.add_band()
    await bring(
        heart,
        (band, band.sos()),
        (band, band.sos()),
        (band, band.sos(kind=reports.FALL)),
        (band, band.seal_body(b"\xa1\x00\x18\x28")),
    )
    rows = await heart.rows("SELECT payload, destination, done_ms, case_id FROM outbox")
    kinds = [json.loads(row.payload) for row in rows]
    assert kinds == [{"kind": kind} for kind in ("sos", "sos", "fall", "other")]
    assert {row.done_ms for row in rows} == {None}
    assert len({row.case_id for row in rows}) == 1
    assert heart.context.outbox_ready.is_set()


async def test_telemetry_is_not_forwarded(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.heartbeat()), (band, band.seal(reports.LINK_LOST, uptime_ms=1)))
    assert await heart.rows("SELECT id FROM outbox") == []
    assert not heart.context.outbox_ready.is_set()


async def test_a_fault_waits_apart_from_the_alarms_and_in_no_case_s_way(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.seal(reports.FAULT, uptime_ms=1, code=reports.FLASH_FULL)))
    assert await heart.cases() == []
    await bring(heart, (band, band.sos()), (band, band.seal(reports.FAULT, uptime_ms=1, code=77)))
    rows = await heart.rows("SELECT destination, payload, case_id FROM outbox ORDER BY id")
    (case,) = await heart.cases()
    assert [(row.destination, json.loads(row.payload)["kind"], row.case_id) for row in rows] == [
        ("trouble", "fault_flash_full", None),
        ("centre", "sos", case.id),
        ("trouble", "fault", None),
    ]


async def test_a_flood_of_one_fault_is_kept_and_counted_but_waits_once(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band()
    flood = [(band, band.seal(reports.FAULT, uptime_ms=n, code=3)) for n in range(20)]
    unknown = [(band, band.seal(reports.FAULT, uptime_ms=n, code=500 + n)) for n in range(20)]
    others = [(other, other.seal(reports.FAULT, uptime_ms=1, code=3))]
    await bring(heart, *flood, *unknown, *others)
    rows = await heart.rows("SELECT outcome, done_ms IS NULL FROM outbox")
    assert len(rows) == 41
    assert [tuple(row) for row in rows].count((None, 1)) == 3
    assert [tuple(row) for row in rows].count(("repeated", 0)) == 38


async def test_an_outbox_row_holds_no_word_about_the_wearer(heart: Core) -> None:
    band = await heart.add_band(account="CAFE01")
    await bring(heart, (band, band.sos(position=[522_297_700, 210_122_000, 12, 3])))
    (row,) = await heart.rows("SELECT * FROM outbox")
    text = repr(tuple(row))
    for private in ("CAFE01", "5222977", "2101220", repr(band.person_id)[2:-1]):
        assert private not in text
