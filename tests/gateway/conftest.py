# SPDX-License-Identifier: Apache-2.0
"""The gateway's heart for tests of its parts: real database, vault and seals, no process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from tests.support.gateway_core import Core, core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture(autouse=True)
def logs_to_stdout() -> None:
    """Whatever an earlier test of this process had logs do: `capsys` finds all of them there."""
    structlog.reset_defaults()


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    """An open database with the newest tables, and a context on it."""
    async with core(tmp_path) as heart:
        yield heart
