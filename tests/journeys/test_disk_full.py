# SPDX-License-Identifier: Apache-2.0
"""The gateway's disk is full: nothing is answered that is not stored, and it recovers alone."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.promises import check_all, check_answered, stored
from tests.support.world import world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: only there a running process gets a file limit"
)

BANDS = 5
FULL_S = 1.5  # bands resend meanwhile, the gateway tries again
RESEND_S = 0.3


async def test_nothing_is_answered_while_nothing_can_be_stored(tmp_path: Path) -> None:
    async with world(tmp_path, "embedded", BANDS) as here:
        await here.gateway.start()
        await here.fleet.connected()
        here.wave()
        assert await here.fleet.drain(10, RESEND_S)
        before = here.fleet.answered

        _limit_file_size(here, 1)
        here.wave()
        assert not await here.fleet.drain(FULL_S, RESEND_S)
        check_answered(here.fleet, here.gateway.database_file)
        assert here.fleet.answered == before == sum(stored(here.gateway.database_file).values())
        assert any(entry["level"] == "error" for entry in here.gateway.entries), "no log line"

        _limit_file_size(here, resource.RLIM_INFINITY)
        assert await here.fleet.drain(20, RESEND_S), "it does not recover"
        check_all(here.fleet, here.gateway.database_file, here.watch)
        assert len(here.watch.salts) == 1, "it was started again"


def _limit_file_size(here: World, size: int) -> None:
    """From now on the gateway cannot write behind this place of any file, as on a full disk."""
    assert here.gateway.child is not None
    hard = resource.prlimit(here.gateway.child.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(here.gateway.child.pid, resource.RLIMIT_FSIZE, (size, hard))
