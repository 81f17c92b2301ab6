# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the gateway between every two steps: nothing is lost, doubled or falsely answered.

One folder lives through all deaths: the start that dies at the next gap is the restart after the
last one, and has to answer what that one left.
"""

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

pytestmark = pytest.mark.soak

BANDS = 5
STEPS = {"before": BEFORE, "together": TOGETHER, "after": AFTER}
GAPS = [
    *(Gap(phase, done) for phase, steps in STEPS.items() for done in range(len(steps) + 1)),
    Gap("after", len(AFTER), 0.02),
]  # ten; all of them again for each effort
BROKERS = ["embedded", pytest.param("mosquitto", marks=requires_program("mosquitto"))]


@pytest.mark.parametrize("broker", BROKERS)
async def test_every_accepted_report_is_stored_once_and_answered(
    tmp_path: Path, broker: Broker, effort: int
) -> None:
    async with world(tmp_path, broker, BANDS) as here:
        for gap in GAPS * effort:
            try:
                await _dies_well(here, gap)
            except Exception as error:
                error.add_note(f"killed at {gap.name}")
                raise
        await start_again(here)
        check_all(here.fleet, here.gateway.database_file, here.watch)
        assert len(here.watch.salts) == len(GAPS) * effort + 1, "every process has its own salt"
        assert _number(here, "SELECT count(*) FROM care_case") == BANDS
        alarms = _number(here, "SELECT count(*) FROM event WHERE rings = 1")
        assert _number(here, "SELECT count(*) FROM outbox") == alarms


async def _dies_well(here: World, gap: Gap) -> None:
    before = await die_at(here, gap)
    check_answered(here.fleet, here.gateway.database_file)
    died_after_commit = stored(here.gateway.database_file).total() > before
    assert died_after_commit == (gap.phase == "after")
    assert here.fleet.waiting or gap.delay_s, "no answer was due yet"


def _number(here: World, query: str) -> int:
    count: int = rows(here.gateway.database_file, query)[0][0]
    return count
