# SPDX-License-Identifier: Apache-2.0
"""Faults of bands on their way to the centre: one kind of one band at most once an hour.

What comes in between is kept and counted for the technician, see `opaska bands faults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

AGAIN_AFTER_MS: Final = 3_600_000  # as often as a band reports a fault that goes on
LIFE_MS: Final = 86_400_000  # one that no receiver took for a day is left to the technician
MAX_KNOWN: Final = 10_000  # bands and kinds at once; beyond, the oldest may be told once more


class Troubles:
    """What was handed to the centre within the hour. Written by the loop, read by any thread."""

    def __init__(self) -> None:
        self._told: dict[tuple[bytes, str], tuple[int, int]] = {}  # -> (outbox row, when in ms)

    def remember(self, told: Iterable[tuple[bytes, str, int, int]]) -> None:
        """(device, kind, outbox row, when) of what the centre was told, oldest first."""
        for device_id, kind, row_id, at_ms in told:
            self._told.pop((device_id, kind), None)  # to the end: the first is the oldest
            self._told[device_id, kind] = (row_id, at_ms)
            if len(self._told) > MAX_KNOWN:
                del self._told[next(iter(self._told))]

    def is_repeat(self, device_id: bytes, kind: str, now_ms: int, row_id: int = 0) -> bool:
        """Whether another row told the same within the hour."""
        told = self._told.get((device_id, kind))
        return told is not None and told[0] != row_id and 0 <= now_ms - told[1] < AGAIN_AFTER_MS
