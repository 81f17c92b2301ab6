# SPDX-License-Identifier: Apache-2.0
"""Waiting for what no event tells, such as a row that another process writes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_EVERY_S = 0.02


async def until(true: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Return once `true()` holds; TimeoutError says `what` did not happen."""
    end_s = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > end_s:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}")
        await asyncio.sleep(_LOOK_EVERY_S)
