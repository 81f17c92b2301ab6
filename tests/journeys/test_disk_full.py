# SPDX-License-Identifier: Apache-2.0
"""The gateway's disk is full: nothing is answered that is not stored, and it recovers alone."""

from __future__ import annotations

import asyncio
import resource
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.journeys.doom import Gap, doomed, set_flag
from tests.support.promises import check_all, check_answered
from tests.support.world import world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: only there a running process gets a file limit"
)

BANDS = 5
WAVE = 20  # reports of each band at once: more than the pages at hand have room for
SICK_S = 10.0
FULL_S = 1.5  # bands resend meanwhile, the gateway tries again
RESEND_S = 0.3


async def test_a_disk_that_takes_nothing_more(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        await here.gateway.start()
        await here.fleet.connected()
        here.wave()
        assert await here.fleet.drain(10, RESEND_S)
        await _survives(here, lambda full: _limit_file_size(here, full))


async def test_a_database_that_may_not_grow(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        await here.gateway.spawn(command=doomed(Gap("together", 0), bug="full"))
        await here.gateway.ready()
        await here.fleet.connected()
        await _survives(here, partial(set_flag, here, "full"))


async def _survives(here: World, make_full: Callable[[bool], None]) -> None:
    """Fill the disk under load; nothing is answered that is not stored. Then make room."""
    make_full(True)
    sick = asyncio.create_task(here.gateway.logged("nothing_can_be_stored", SICK_S))
    while not sick.done():
        here.wave(WAVE)
        await here.fleet.drain(RESEND_S, RESEND_S)
        check_answered(here.fleet, here.gateway.database_file)
    assert sick.result()["level"] == "error"
    here.wave()
    answered = here.fleet.answered
    assert not await here.fleet.drain(FULL_S, RESEND_S)
    assert here.fleet.answered == answered
    check_answered(here.fleet, here.gateway.database_file)

    make_full(False)
    assert await here.fleet.drain(20, RESEND_S), "it does not recover"
    await here.gateway.logged("stored_again", 1)
    check_all(here.fleet, here.gateway.database_file, here.watch)
    assert len(here.watch.salts) == 1, "it was started again"


def _limit_file_size(here: World, full: bool) -> None:
    """From now on the gateway cannot write behind the first byte of any file."""
    assert here.gateway.child is not None
    hard = resource.prlimit(here.gateway.child.pid, resource.RLIMIT_FSIZE)[1]
    soft = 1 if full else resource.RLIM_INFINITY
    resource.prlimit(here.gateway.child.pid, resource.RLIMIT_FSIZE, (soft, hard))
