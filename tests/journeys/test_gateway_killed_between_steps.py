# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway between every two steps: nothing is lost, doubled or falsely answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway.pipeline import AFTER, BEFORE, TOGETHER
from opaska_tools.stage.stored import rows
from tests.journeys.doom import Gap, die_at, start_again
from tests.support.promises import check_all, check_answered, stored
from tests.support.requirements import requires_program
from tests.support.world import Broker, world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

BANDS = 5


STEPS = {"before": BEFORE, "together": TOGETHER, "after": AFTER}
GAPS = [
    *(Gap(phase, done) for phase, steps in STEPS.items() for done in range(len(steps) + 1)),
    Gap("after", len(AFTER), 0.02),
]
BROKERS = ["embedded", pytest.param("mosquitto", marks=requires_program("mosquitto"))]


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("gap", GAPS, ids=[gap.name for gap in GAPS])
async def test_every_accepted_report_is_stored_once_and_answered(
    tmp_path: Path, broker: Broker, gap: Gap
) -> None:
    async with world(tmp_path, broker, BANDS) as here:
        first_wave = await die_at(here, gap)
        check_answered(here.fleet, here.gateway.database_file)
        died_after_commit = stored(here.gateway.database_file).total() > first_wave
        assert died_after_commit == (gap.phase == "after")
        assert here.fleet.waiting or gap.delay_s, "no answer was due yet"

        await start_again(here)
        check_all(here.fleet, here.gateway.database_file, here.watch)
        assert len(here.watch.salts) == 2, "the second process has another salt"
        assert _cases(here) == BANDS


def _cases(here: World) -> int:
    count: int = rows(here.gateway.database_file, "SELECT count(*) FROM care_case")[0][0]
    return count
