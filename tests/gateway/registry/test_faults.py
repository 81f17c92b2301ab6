# SPDX-License-Identifier: Apache-2.0
"""The technician sees every fault, how often, and whether the centre was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from opaska_gateway import clock
from opaska_gateway.care.alarm_kinds import fault_word
from opaska_gateway.database import tables
from opaska_gateway.registry import faults
from opaska_protocol import reports
from tests.support.gateway_core import Core, core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


async def _listed(heart: Core, since_ms: int = 0) -> list[dict[str, Any]]:
    async with heart.database.read() as connection:
        return await faults.list_all(connection, since_ms)


async def test_every_fault_is_counted_also_those_the_centre_never_hears_of(
    tmp_path: Path,
) -> None:
    now_ms = clock.now_ms()
    async with core(tmp_path) as heart:
        band, other = await heart.add_band(), await heart.add_band(worn=False)
        for age_ms in (7_000, 5_000, 3_000):
            fault = band.seal(reports.FAULT, uptime_ms=1, code=3, detail=f"{age_ms} \x1b[2J")
            await bring(heart, (band, fault), received_ms=now_ms - age_ms)
        await bring(heart, (other, other.seal(reports.FAULT, uptime_ms=1, code=6)))
        await bring(heart, (other, other.seal_body(b"\xa1\x00\x04")), (other, other.sos()))
        async with heart.database.write() as connection:
            first = tables.outbox.c.id == 1
            told = {"done_ms": now_ms, "outcome": "accepted"}
            await connection.execute(update(tables.outbox).where(first).values(told))
        lines = await _listed(heart)
        assert {line["kid"] for line in await _listed(heart, now_ms - 2_000)} == {other.kid_hex}
    assert [(line["fault"], line["times"], line["centre"]) for line in lines[:2]] == [
        ("unreadable", 1, "waiting"),
        ("order refused", 1, "waiting"),
    ]
    (full,) = (line for line in lines if line["kid"] == band.kid_hex)
    assert (full["fault"], full["times"], full["first_ms"], full["last_ms"]) == (
        "flash full", 3, now_ms - 7_000, now_ms - 3_000,
    )  # fmt: skip
    assert full["detail"] == "3000 ?[2J"  # no band writes to the technician's terminal


def test_an_unknown_fault_is_named_by_its_number() -> None:
    assert fault_word(reports.TASK_FAILED) == "task failed"
    assert fault_word(4711) == "code 4711"
