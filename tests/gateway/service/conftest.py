# SPDX-License-Identifier: Apache-2.0
"""A running gateway for a test, and bands that are closed after it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.service.process import Band, Serve

NewBand = Callable[[dict[str, Any]], Awaitable[Band]]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Serve]:
    async with Serve(tmp_path) as serve:
        yield serve


@pytest.fixture
def switch_on() -> Generator[Callable[..., Band]]:
    """Makes bands from bundles."""
    bands: list[Band] = []

    def make(bundle: dict[str, Any], boot: int = 1) -> Band:
        bands.append(Band(bundle, boot))
        return bands[-1]

    yield make
    for band in bands:
        band.close()
