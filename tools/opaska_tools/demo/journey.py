# SPDX-License-Identifier: Apache-2.0
"""One SOS on its way: which stations it passed, and when."""

from __future__ import annotations

import asyncio

# station -> what happens there, for whoever watches; in the order of the journey
STATIONS = {
    "held": "the button was held long enough",
    "working_felt": "sealed and kept; the wrist feels: working, wait",
    "received": "the gateway has the report from the broker",
    "verified": "the seal is the band's own",
    "stored": "committed in the gateway's database",
    "case_opened": "a case rings",
    "stored_felt": "the wrist feels: stored",
    "forwarded": "on its way to the centre (SIA DC-09, AES)",
    "centre": "it stands in the log of the centre's receiver",
    "accepted": "the centre's encrypted yes is at the gateway",
    "accepted_felt": "the wrist feels: help has been told",
}


class Journey:
    """Times in ms of time.monotonic(), counted from the end of the hold."""

    def __init__(self, held_ms: float) -> None:
        self._passed = {"held": held_ms}
        self.arrived = asyncio.Event()

    def passes(self, station: str, at_ms: float) -> None:
        """Note a station; it keeps its first time, and what lies before the hold is not ours."""
        if station in STATIONS and at_ms >= self._passed["held"]:
            self._passed.setdefault(station, at_ms)
            if self.missing() is None:
                self.arrived.set()

    def elapsed_ms(self, station: str) -> float | None:
        """Since the end of the hold; None while it was not there."""
        at_ms = self._passed.get(station)
        return None if at_ms is None else at_ms - self._passed["held"]

    @property
    def has_left(self) -> bool:
        """Whether the hold became an SOS."""
        return len(self._passed) > 1

    @property
    def is_over(self) -> bool:
        """Whether nothing more need come: in a taken case the wrist goes on feeling "taken"."""
        return self.arrived.is_set() or "accepted" in self._passed

    def missing(self) -> str | None:
        """The first station that was not passed."""
        return next((name for name in STATIONS if name not in self._passed), None)

    @property
    def total_ms(self) -> float:
        """From the end of the hold to the last station so far."""
        return max(self._passed.values()) - self._passed["held"]
