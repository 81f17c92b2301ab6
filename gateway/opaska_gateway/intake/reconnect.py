# SPDX-License-Identifier: Apache-2.0
"""How long to wait before the next attempt to reach the broker."""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 0.2  # a broker that restarts is back within a second; bands are waiting
LAST_S: Final = 5.0  # the broker is ours and near: asking often costs nothing and saves seconds
GROWTH: Final = 2.0
JITTER: Final = 0.25  # both connections, and other cells, should not knock in step
STEADY_S: Final = 10.0  # a connection that held this long makes the next loss a new one


class Backoff:
    """Pauses that grow until a connection has held."""

    def __init__(self) -> None:
        self._next_s = FIRST_S

    def pause_s(self, held_s: float) -> float:
        """How long to wait after a connection that held this long (0: it was never made)."""
        if held_s >= STEADY_S:
            self._next_s = FIRST_S
        pause_s = self._next_s
        self._next_s = min(pause_s * GROWTH, LAST_S)
        return pause_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - not a secret
