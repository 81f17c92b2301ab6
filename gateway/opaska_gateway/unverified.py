# SPDX-License-Identifier: Apache-2.0
"""Tells a human of refused frames: a line for each band and reason, at most one a minute.

An SOS of a band that was revoked, or whose key is lost, must reach somebody's eyes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opaska_gateway import clock
from opaska_gateway.logs import get_logger
from opaska_gateway.refusals import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opaska_gateway.batch import Refusal

EVERY_S: Final = 60.0
MAX_NOTED: Final = 1_000  # bands and reasons at once; beyond, invented kids share one line

log = get_logger()


class Unverified:
    """What was refused lately."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], float] = {}  # (kid, reason): when a line was written
        self._silent: dict[tuple[str, str], int] = {}  # refusals since then

    def note(self, refusals: Iterable[Refusal]) -> None:
        """Write a line where there was none within the last minute."""
        now_s = clock.monotonic_s()
        for refusal in refusals:
            key = (refusal.arrival.kid_hex, refusal.reason)
            if len(self._noted) >= MAX_NOTED and key not in self._noted:
                self._forget(now_s)
                key = key if len(self._noted) < MAX_NOTED else ("many", refusal.reason)
            self._write(key, refusal, now_s)

    def _write(self, key: tuple[str, str], refusal: Refusal, now_s: float) -> None:
        if now_s - self._noted.get(key, -EVERY_S) < EVERY_S:
            self._silent[key] = self._silent.get(key, 0) + 1
            return
        self._noted[key] = now_s
        log.warning(
            "unverified",
            kid=key[0],
            reason=refusal.reason,
            meaning=REASONS[refusal.reason],
            urgent=refusal.arrival.urgent,
            more_since_last_line=self._silent.pop(key, 0),
        )

    def _forget(self, now_s: float) -> None:
        for key in [key for key, at_s in self._noted.items() if now_s - at_s >= EVERY_S]:
            del self._noted[key]
            self._silent.pop(key, None)
