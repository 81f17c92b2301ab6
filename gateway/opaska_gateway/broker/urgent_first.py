# SPDX-License-Identifier: Apache-2.0
"""The embedded broker's queue: an alarm, and any answer, passes the telemetry that waits.

amqtt 0.12.1 hands everything on through one queue in the order of arrival: behind the reports that
bands kept during an outage an SOS would wait for all of them.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST, _LATER = 0, 1


class UrgentFirst(asyncio.PriorityQueue[Any]):
    """Takes and gives amqtt's broadcasts, dicts with a topic; equals keep their order."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._arrivals = count()

    def _put(self, item: Mapping[str, Any]) -> None:
        super()._put((_rank(item["topic"]), next(self._arrivals), item))

    def _get(self) -> Any:
        return super()._get()[-1]


def _rank(topic: str) -> int:
    return _LATER if topic.startswith("up/") and topic.endswith("/t") else _FIRST
