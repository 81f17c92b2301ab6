# SPDX-License-Identifier: Apache-2.0
# From the button's edges through senses/press.py to an SOS, or to the countdown of a fall.

import asyncio

from opaska_protocol.reports import HOLD, THREE_PRESSES

from .guard import attempt
from .senses import press

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .clock import Uptime
    from .drivers.button import Button
    from .faults import Faults

_TRIGGERS = {press.HELD: HOLD, press.THREE_PRESSES: THREE_PRESSES}
_OF_COUNTDOWN = (press.DOWN, press.SHORT, press.LONG, press.LET_GO, press.TOO_LONG)


class SosButton:
    """`on_sos(trigger)` is called at the end of the hold; `signals` may be None."""

    def __init__(
        self,
        button: "Button",
        uptime: "Uptime",
        hold_ms: int,
        on_sos: "Callable[[int], Any]",
        signals: "Any",
        faults: "Faults",
    ) -> None:
        self.press = press.Press(hold_ms)
        self.on_touch: "Callable[[], Any]" = lambda: None  # perhaps an SOS: must not fail
        self.on_countdown: "Callable[[str], Any]" = lambda _: None  # of a fall: countdown.py
        self._button = button
        self._uptime = uptime
        self._on_sos = on_sos
        self._signals = signals
        self._faults = faults
        self._owed: "int | None" = None  # trigger of an SOS that could not be raised
        self._edges = asyncio.ThreadSafeFlag()
        button.on_edge = self._edges.set

    async def run(self) -> None:
        while True:
            self._look()
            await self._wait()

    def _look(self) -> None:
        owed, self._owed = self._owed, None
        if owed is not None:  # it failed, as without memory, and this task with it
            self._on_sos(owed)
        edge = self._button.take()
        while edge:
            self._notice(self.press.edge(edge[0], self._uptime.at(edge[1])))
            edge = self._button.take()
        # The level itself, should an edge have been lost.
        noticed = self.press.edge(self._button.is_closed(), self._uptime.ms())
        if self.press.next_ms() is not None:  # a jammed button is no touch
            self.on_touch()
        self._notice(noticed)

    async def _wait(self) -> None:
        due_ms = self.press.next_ms()
        if due_ms is None:
            await self._edges.wait()
            return
        try:
            await asyncio.wait_for_ms(self._edges.wait(), max(due_ms - self._uptime.ms(), 0))
        except asyncio.TimeoutError:
            pass  # the hold goes on, or the contact has come to rest

    def _notice(self, noticed: "list[str]") -> None:
        """The SOS first: it must not wait for what may fail, nor its signal be replaced."""
        for what in noticed:
            if what in _TRIGGERS:
                self._owed = _TRIGGERS[what]
                self._on_sos(self._owed)
                self._owed = None
                return
            if what in _OF_COUNTDOWN:
                self.on_countdown(what)
        if noticed and self._signals:
            attempt("hold", lambda: self._feel(noticed[0]), self._faults)

    def _feel(self, what: str) -> None:
        if what == press.PRESSED:
            self._signals.hold(self.press.hold_ms)
        elif what == press.RELEASED:
            self._signals.released()
