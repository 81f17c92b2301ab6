# SPDX-License-Identifier: Apache-2.0
"""An open store in a folder of its own, and changes made by somebody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from opaska_gateway.registry.change import Change, change
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store, open_store

NewChange = Callable[[], AbstractAsyncContextManager[Change]]


@pytest.fixture
def storage(tmp_path: Path) -> StorageSettings:
    return StorageSettings(
        database_file=tmp_path / "var" / "opaska.db", key_file=tmp_path / "var" / "opaska.key"
    )


@pytest.fixture
async def store(storage: StorageSettings) -> AsyncGenerator[Store]:
    async with open_store(storage) as opened:
        yield opened


@pytest.fixture
def changing(store: Store) -> NewChange:
    return partial(change, store, "os:tester")
