# SPDX-License-Identifier: Apache-2.0
"""When bands last spoke, until `watch/silent_bands.py` writes it down: a row per report would
cost the pipeline more than supervision is worth.

What is lost with the process is less than a look's worth of words; the next word makes up for it.
"""

from __future__ import annotations

import asyncio


class Words:
    """Belongs to the loop."""

    def __init__(self) -> None:
        self.of_silent = asyncio.Event()  # a band spoke for which somebody waits
        self.awaited = frozenset[bytes]()  # devices that are silent
        self._heard: dict[bytes, int] = {}  # device -> when, by our clock

    def hear(self, device_id: bytes, received_ms: int) -> None:
        """A new report of this band was stored."""
        self._heard[device_id] = received_ms
        if device_id in self.awaited:
            self.of_silent.set()

    def take(self) -> dict[bytes, int]:
        """All of them; they are the caller's to write down."""
        heard, self._heard = self._heard, {}
        return heard

    def put_back(self, heard: dict[bytes, int]) -> None:
        """They could not be written down."""
        self._heard = heard | self._heard
