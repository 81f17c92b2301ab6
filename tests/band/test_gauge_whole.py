# SPDX-License-Identifier: Apache-2.0
"""The whole band with a fuel gauge that is dead or talks nonsense: an SOS goes out without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.max17048 import SOC, VCELL
from opaska_protocol import reports

if TYPE_CHECKING:
    from opaska_tools.simulator.band import SimulatedBand
    from tests.support.small_gateway import SmallGateway


@pytest.mark.parametrize("stuck", [None, {SOC: 0xFFFF}, {VCELL: 0}])
async def test_an_sos_never_waits_for_the_gauge_and_heartbeats_name_it(
    band: SimulatedBand, gateway: SmallGateway, stuck: dict[int, int] | None
) -> None:
    gauge = band.circuit.wiring.gauge
    gauge.answers = stuck is not None
    gauge.stuck = stuck or {}
    await band.start()
    await gateway.arrival(lambda a: a.type == reports.BOOT)
    await band.press(600)
    await band.wait_note("accepted")
    alarm = await gateway.arrival(lambda a: a.type == reports.ALARM)
    assert "battery_percent" not in alarm.fields
    beat = await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)
    assert beat.fields["broken"] == [reports.GAUGE]
    assert "battery_percent" not in beat.fields
    fault = await gateway.arrival(lambda a: a.type == reports.FAULT)
    assert fault.fields["code"] == reports.GAUGE
    assert len(gateway.of_type(reports.FAULT)) == 1
