# SPDX-License-Identifier: Apache-2.0
"""Line tests: a path that died is found by us within its period, not by the next alarm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    from opaska_gateway.centre.interface import Path

RETEST_S = 15.0  # after a failed test, so that a path that came back is soon used again

log = get_logger()


async def supervise(path: Path) -> None:
    """Test the line at once, and then whenever it was quiet for its period; until cancelled.

    Only a yes to the supervision account restarts the period: a receiver that supervises by
    account would otherwise miss us while others' alarms go through.
    """
    period_s = path.supervision_s
    assert period_s is not None
    while True:
        wait_s = period_s - path.quiet_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)
            continue
        if not await _passes(path):
            await asyncio.sleep(min(RETEST_S, period_s))


async def _passes(path: Path) -> bool:
    try:
        return (await path.test()).arrived
    except Exception as error:  # at the edge of the task: it must go on
        log.error("line_test_failed", receiver=path.name, exc_info=error)
        return False
