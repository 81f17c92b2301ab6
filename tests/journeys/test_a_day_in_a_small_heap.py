# SPDX-License-Identifier: Apache-2.0
"""A day of the whole band, code included, in 256 KB, with presses and links that break; in virtual
time, with the real gateway. What the simulated board keeps in the same heap is measured and told,
but not given back: on a real band that is C code in flash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import cbor2
import pytest

from opaska_protocol import reports
from opaska_tools.bench import heap
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.clock import ClockService
from opaska_tools.stage import virtual_gateway
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.registration import register_many
from opaska_tools.stage.stored import rows
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_program("micropython")

HOUR_MS = 3_600_000
HEARTBEAT_MS = 1_200_000  # the band's default setting
FREE_BYTES = 64 * 1024  # that are free of 256 KB after a day
LEAST_BYTES = 60 * 1024  # at any heartbeat: one may meet the loading of a part that is used rarely
BETWEEN_PRESSES = 4 * HOUR_MS // HEARTBEAT_MS  # heartbeats
GROWTH_BYTES = 2_048  # from the first open case to the last: nothing is kept for ever

BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
FREE, WAITING = 6, 10  # keys of a heartbeat, see SPEC.md


@pytest.mark.long
@pytest.mark.timeout(900)  # a day with its cases open takes minutes
async def test_a_day_of_presses_and_broken_links_leaves_64_kb_free_and_loses_nothing(
    tmp_path: Path,
) -> None:
    stand_ins = (await heap.measured())["stand-ins"]
    async with ClockService() as clock:
        gateway = Gateway(tmp_path / "gateway", command=virtual_gateway.command(clock))
        gateway.write_config()
        worn = (await register_many(gateway, 1))[0]
        await gateway.spawn()
        try:
            await clock.joined(virtual_gateway.NAME)
            await gateway.ready()
            address = ("127.0.0.1", gateway.broker_port)
            async with SimulatedBand(tmp_path / "band", address, virtual_clock=clock) as band:
                band.provision(bytes.fromhex(worn.kid), worn.generation, worn.key)
                await band.start()
                for _ in range(6):
                    await clock.run_for(4 * HOUR_MS)
                    await band.press(600)
                    await clock.run_for(60_000)
                    band.link.reset_connections()
                await clock.run_for(60_000)
                starts = len(band.starts)
            stored = {
                kind: [body for (body,) in rows(gateway.database_file, BODIES, kind)]
                for kind in (reports.HEARTBEAT, reports.ALARM, reports.FAULT)
            }
        finally:
            await asyncio.gather(gateway.stop(), return_exceptions=True)
    heartbeats = [cbor2.loads(body) for body in stored[reports.HEARTBEAT]]
    free = [heartbeat[FREE] for heartbeat in heartbeats]
    told = f"least free {min(free)} of 256 KB, and {stand_ins} that only stand-ins take"
    print(f"{len(free)} heartbeats, {told}, last free {free[-1]}")  # noqa: T201
    assert starts == 1, "the band restarted"
    assert len(heartbeats) == 24 * HOUR_MS // HEARTBEAT_MS + 1, "of a day and seven minutes"
    assert len(stored[reports.ALARM]) == 6
    assert stored[reports.FAULT] == []
    assert heartbeats[-1][WAITING] <= 1, "reports pile up"
    assert free[-1] >= FREE_BYTES, told
    assert min(free) >= LEAST_BYTES, told
    first = max(free[BETWEEN_PRESSES + 1 : 2 * BETWEEN_PRESSES])
    assert first - max(free[-BETWEEN_PRESSES:]) < GROWTH_BYTES
