# SPDX-License-Identifier: Apache-2.0
"""A band that lost its power connects again while the broker still holds its old connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_tools.bench.load_band import LoadBand
from opaska_tools.stage.registration import register_many
from tests.support.requirements import requires_program
from tests.support.until import until
from tests.support.world import Broker, a_gateway

if TYPE_CHECKING:
    from pathlib import Path

BROKERS = ["embedded", pytest.param("mosquitto", marks=requires_program("mosquitto"))]
BOOTS = 4
ANSWERED_S = 3.0  # milliseconds are usual


@pytest.mark.parametrize("broker", BROKERS)
async def test_answers_reach_the_newest_connection_at_once(tmp_path: Path, broker: Broker) -> None:
    async with a_gateway(tmp_path, broker) as (gateway, _):
        (registered,) = await register_many(gateway, 1)
        await gateway.start()
        starts = [LoadBand(registered, boot=boot) for boot in range(1, BOOTS + 1)]
        try:
            for band in starts:  # each of them leaves its connection open
                await band.connect(gateway.broker_port)
                band.report(urgent=True)
                band.report(urgent=False)
                await _answered(band)
        finally:
            for band in starts:
                band.close()


async def _answered(band: LoadBand) -> None:
    await until(lambda: not band.waiting, "both are answered", ANSWERED_S)
