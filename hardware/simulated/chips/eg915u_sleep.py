# SPDX-License-Identifier: Apache-2.0
"""How the modem sleeps: with AT+QSCLK=1 its serial port hears nothing while the host has let go of
DTR, and RI rings the host before anything is said to it. Runs on CPython, in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

RING_MS: Final = 120  # RI is low for so long


class Sleep:
    """The world sets `wake_ms`: from DTR until the port hears again."""

    def __init__(self, after: Callable[[float, Callable[[], None]], None]) -> None:
        self.wake_ms = 20
        self.on_ring: Callable[[bool], None] | None = None  # RI: True is low
        self.is_allowed = False  # AT+QSCLK=1
        self.hears = True  # the serial port
        self.lost = 0  # bytes that were sent to it in its sleep
        self._after = after
        self._held = False  # DTR
        self._changes = 0

    @property
    def is_asleep(self) -> bool:
        """Or would be, if the network had nothing for it to do."""
        return self.is_allowed and not self._held

    def power_off(self) -> None:
        self.allow(False)

    def allow(self, on: bool) -> None:
        self.is_allowed = on
        self._changed()

    def hold(self, on: bool) -> None:
        """DTR."""
        self._held = on
        self._changed()

    def ring(self) -> None:
        """Before it speaks to a host that does not listen."""
        if self.is_asleep and self.on_ring:
            ring = self.on_ring
            ring(True)
            self._after(RING_MS, lambda: ring(False))

    def _changed(self) -> None:
        self._changes += 1
        change = self._changes

        def woken() -> None:
            self.hears = self.hears or self._changes == change

        if self.is_asleep:
            self.hears = False
        elif not self.hears:
            self._after(self.wake_ms, woken)
