# SPDX-License-Identifier: Apache-2.0
"""A whole gateway in this process, and what `opaska status` says of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock, service
from opaska_gateway.commands.status import judged
from opaska_gateway.settings import Settings
from tests.support.gateway_core import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from opaska_gateway.health.line import Line

WAIT_S = 30


class Gateway:
    """On settings of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        files = {"database_file": folder / "opaska.db", "key_file": folder / "opaska.key"}
        given = {"storage": files, "broker": {"port": 0}, **settings}
        self.settings = Settings.model_validate(given)
        self.socket = folder / "opaska.socket"

    @asynccontextmanager
    async def running(self, *, ready: bool = True) -> AsyncGenerator[None]:
        """From when it is ready, or at least to be asked."""
        stop, is_ready = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(service.serve(self.settings, stop, is_ready.set))
        try:
            async with asyncio.timeout(WAIT_S):
                if ready:
                    await is_ready.wait()
                else:
                    await self.becomes("gateway", "running")
            yield
        finally:
            stop.set()
            await task

    async def lines(self) -> dict[str, Line]:
        """By part; of what was noticed only its state."""
        found = await asyncio.to_thread(judged, self.settings.storage, clock.now_ms())
        return {line.part: line for line in reversed(found)}

    async def becomes(self, part: str, state: str) -> Line:
        """The line, once it says so."""
        async with asyncio.timeout(WAIT_S):
            while True:
                line = (await self.lines()).get(part)
                if line is not None and line.state == state:
                    return line
                await asyncio.sleep(0.02)


@pytest.fixture
async def new_gateway(tmp_path: Path) -> Callable[..., Gateway]:
    """Makes gateways, each in a folder of its own; their tables are there already."""
    tables = await migrated()

    def make(name: str = "one", **settings: Any) -> Gateway:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "opaska.db").write_bytes(tables)
        return Gateway(folder, **settings)

    return make
