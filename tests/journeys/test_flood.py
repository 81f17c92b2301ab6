# SPDX-License-Identifier: Apache-2.0
"""A live SOS does not queue behind what many bands kept during an outage.

`opaska bench flood` measures the times; here it is only the order that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_tools.bench.flood import Flood
from opaska_tools.stage.registration import register_many
from opaska_tools.stage.stored import count_reports
from tests.support.requirements import requires_program
from tests.support.world import Broker, a_gateway

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.bench.flood import Answered

CROWD = 100
BACKLOG = 3_000
LIVE = 5


BROKERS = ["embedded", pytest.param("mosquitto", marks=requires_program("mosquitto"))]


@pytest.mark.parametrize("broker", BROKERS)
async def test_live_sos_is_answered_before_the_backlog(tmp_path: Path, broker: Broker) -> None:
    answered = await _flood(tmp_path, broker)
    # In the order of arrival every SOS would come last and next to nothing would be left; answered
    # at once, each finds what was left when it was pressed: together two and a half backlogs.
    left = [each.backlog_left for each in answered]
    assert sum(left) > BACKLOG, left


async def _flood(folder: Path, broker: Broker) -> list[Answered]:
    async with a_gateway(folder, broker) as (gateway, _):
        registered = await register_many(gateway, CROWD + LIVE)
        await gateway.start()
        flood = Flood(gateway, registered[:CROWD], registered[CROWD:])
        async with flood.crowd, flood.live:
            answered = await flood.play(BACKLOG)
        assert len(answered) == LIVE
        assert count_reports(gateway.database_file) == (BACKLOG + LIVE,) * 2
        return answered
