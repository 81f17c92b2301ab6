# SPDX-License-Identifier: Apache-2.0
# A push button to ground. The interrupt keeps the edges with their ticks; a task takes them.

import time

from machine import Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_EDGES = 32  # kept between two visits of the task; of a longer storm only its end counts


class Button:
    """`on_edge` is called from the interrupt: it may set a flag and no more."""

    def __init__(self, pin: "Any") -> None:
        self.on_edge: "Callable[[], None] | None" = None
        self._pin = pin
        self._ticks: "list[Any]" = [0] * _EDGES
        self._closed = [False] * _EDGES
        self._written = 0  # edges ever kept; only the interrupt counts it up
        self._taken = 0  # edges ever taken; only the task counts it up
        pin.irq(self._edge, Pin.IRQ_FALLING | Pin.IRQ_RISING)

    def is_closed(self) -> bool:
        return self._pin.value() == 0

    def take(self) -> "tuple[bool, int] | None":
        """(closed, ticks) of the oldest edge that was not taken yet, or None."""
        if self._taken == self._written:
            return None
        at = self._taken % _EDGES
        edge = (self._closed[at], self._ticks[at])
        self._taken += 1
        return edge

    def _edge(self, pin: "Any") -> None:
        if self._written - self._taken < _EDGES:
            at = self._written % _EDGES
            self._ticks[at] = time.ticks_ms()
            self._closed[at] = pin.value() == 0
            self._written += 1
        if self.on_edge:
            self.on_edge()
