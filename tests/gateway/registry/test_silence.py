# SPDX-License-Identifier: Apache-2.0
"""The technician's queue says who is silent, since when, probably why, and whom to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.registry import faults, silence
from tests.support.gateway_core import Core, core
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, PERIOD_MIN, days

if TYPE_CHECKING:
    from pathlib import Path


async def listed(heart: Core, since_ms: int | None = None) -> list[dict[str, Any]]:
    async with heart.database.read() as connection:
        return await silence.list_all(connection, heart.vault, since_ms)


async def test_the_queue_names_band_wearer_and_cause_and_forgets_what_came_back(
    tmp_path: Path,
) -> None:
    async with core(tmp_path) as heart:
        with days(heart) as here:
            silent, other = await heart.add_band(), await heart.add_band()
            await heart.name(silent, name="Maria Nowak", phone="600100200")
            await bring(heart, (silent, silent.heartbeat(battery_percent=2)))
            began_ms = clock.now_ms()
            await here.pass_minutes(FAULT_MIN, [other])
            (line,) = await listed(heart)
            assert abs(line["since_ms"] - began_ms) < 5_000
            assert {
                "kid": silent.kid_hex,
                "state": "silent",
                "cause": "flat battery",
                "name": "Maria Nowak",
                "phone": "600100200",
                "outage": "",
                "centre": "waiting",
                "ended_ms": None,
            }.items() <= line.items()
            assert "battery 2 %" in line["detail"]
            async with heart.database.read() as connection:
                assert await faults.list_all(connection, 0) == []
            await here.pass_minutes(PERIOD_MIN + 2, [silent])
            assert await listed(heart) == []
            lines = {one["kid"]: one["state"] for one in await listed(heart, began_ms)}
            assert lines == {silent.kid_hex: "returned", other.kid_hex: "missing"}
            assert await listed(heart, clock.now_ms() + 1) == [
                one for one in await listed(heart, began_ms) if one["state"] == "missing"
            ]


async def test_an_outage_is_named_with_its_members_and_an_erased_wearer_without_a_name(
    tmp_path: Path,
) -> None:
    async with core(tmp_path) as heart:
        with days(heart) as here:
            bands = [await heart.add_band() for _ in range(5)]
            await here.pass_minutes(1, bands)
            await here.pass_minutes(FAULT_MIN)
            await here.change("UPDATE person SET wrapped_key = NULL, erased_ms = 1")
            lines = await listed(heart)
    assert {line["kid"] for line in lines} == {band.kid_hex for band in bands}
    assert {(line["outage"], line["cause"], line["name"]) for line in lines} == {
        ("1: everywhere", "outage", "")
    }
