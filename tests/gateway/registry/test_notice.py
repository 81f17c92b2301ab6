# SPDX-License-Identifier: Apache-2.0
"""The running gateway notices what a command changes in the same database."""

from __future__ import annotations

import asyncio

import pytest

from opaska_gateway.registry import bands, notice
from opaska_gateway.registry.change import change
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store, open_store


async def test_a_change_through_another_connection_is_noticed_once(
    store: Store, storage: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "LOOK_EVERY_S", 0.01)
    noticed: asyncio.Queue[None] = asyncio.Queue()

    async def changed() -> None:
        noticed.put_nowait(None)

    watching = asyncio.create_task(notice.notice_changes(store.database, changed))
    async with open_store(storage) as other, change(other, "os:tester") as now:
        await bands.add(now)
        await asyncio.sleep(0.05)
        assert noticed.empty()  # not yet committed
    async with asyncio.timeout(5):
        await noticed.get()
    await asyncio.sleep(0.05)
    assert noticed.empty()
    watching.cancel()
