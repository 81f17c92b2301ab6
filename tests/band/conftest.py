# SPDX-License-Identifier: Apache-2.0
"""A simulated band with the real firmware, and a small gateway that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_tools.simulator.band import SimulatedBand
from tests.support.requirements import program
from tests.support.small_gateway import SmallGateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

KID = b"opaska01"
KEY = bytes(range(16))


@pytest.fixture
async def gateway() -> AsyncGenerator[SmallGateway]:
    async with SmallGateway(KID, 1, KEY) as gateway:
        yield gateway


@pytest.fixture
async def band(gateway: SmallGateway, tmp_path: Path) -> AsyncGenerator[SimulatedBand]:
    """Provisioned and switched off."""
    program("micropython")
    async with SimulatedBand(tmp_path / "band", gateway.address) as band:
        band.provision(KID, 1, KEY)
        yield band
