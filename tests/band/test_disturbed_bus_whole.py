# SPDX-License-Identifier: Apache-2.0
"""A transfer on the I2C bus that fails, as by an impact, costs neither a fall nor a technician."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_protocol.reports import ALARM, ANNOUNCED_FALL, FALL, FAULT
from opaska_tools.body_model import shipped
from tests.band.virtual_band import virtual_band, wait_for
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.band import SimulatedBand

pytestmark = requires_program("micropython")

SETTLED_MS = 15_000


class Disturbance:
    """Of so many transfers one is not acknowledged; the next one is."""

    def __init__(self, band: SimulatedBand, one_of: int) -> None:
        self.failed = 0
        self._count = 0
        self._one_of = one_of
        self._wiring = band.circuit.wiring
        self._transfer = self._wiring.i2c
        self._wiring.i2c = self._disturb  # type: ignore[method-assign]

    def _disturb(self, scl: int, sda: int, address: int, data: bytes, count: int) -> bytes | None:
        self._count += 1
        if self._count % self._one_of == 0:
            self.failed += 1
            return None
        return self._transfer(scl, sda, address, data, count)


@pytest.mark.parametrize("one_of", [5, 10, 25])
async def test_fall_is_felt_and_nothing_is_broken_although_single_transfers_fail(
    tmp_path: Path, one_of: int
) -> None:
    async with virtual_band(tmp_path) as (clock, gateway, band):
        disturbance = Disturbance(band, one_of)
        await band.start()
        await wait_for(clock, gateway, None)
        await clock.run_for(SETTLED_MS)
        await band.wear(shipped("fall_and_lie"))
        assert await wait_for(clock, gateway, ANNOUNCED_FALL)
        (alarm,) = await wait_for(clock, gateway, ALARM)
        assert alarm.fields["kind"] == FALL
        assert disturbance.failed > 10
        assert not gateway.of_type(FAULT)
