# SPDX-License-Identifier: Apache-2.0
"""The band's sense and its decision beside a simulated strap, look by look, without a band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_band.decisions import wearing
from opaska_band.senses.wearing import Wearing
from opaska_protocol.reports import TAKEN_OFF
from opaska_tools.simulator.circuit import Strap

if TYPE_CHECKING:
    from collections.abc import Callable

AIR_COUNT = 30_000  # that the band expects of its pad (wear.py)
STANDARD = 2  # strap profile
_HALF = 0.5  # of the touch
_RESTING_S = 30  # without a movement: then the band dozes (motion.py)


class Player:
    """Time passes by `until`; whoever calls changes the strap between."""

    def __init__(self, seed: int, *, optical: bool) -> None:
        self.now_ms = 0
        self.strap = Strap(lambda: float(self.now_ms), self._on_loop, seed)
        self.still_s: Callable[[int], int] = lambda _: 0  # of the uptime in ms
        self.charger = False
        self.alarms: list[tuple[int, int]] = []  # (when in ms, state)
        self.states: list[tuple[int, int]] = []  # (since when in ms, as a report says it)
        self._optical = optical
        self._sense: Any = Wearing(AIR_COUNT)
        self._state = wearing.NEW
        self._next_ms = 0
        self._stood_s = 0  # without a movement, at the last look
        self._lifted_ms = 0

    def until(self, end_ms: int) -> None:
        """Look as often as a band does."""
        if self.still_s(self.now_ms) < _RESTING_S <= self._stood_s:  # its accelerometer wakes it
            self._next_ms = self.now_ms
        while self._next_ms < end_ms:
            self.now_ms = self._next_ms
            self._look()
            self._stood_s = self.still_s(self.now_ms)
            self._next_ms = self.now_ms + self._sense.wait_ms
        self.now_ms = end_ms

    @property
    def told(self) -> int:
        """The state as a report says it."""
        return TAKEN_OFF if self._state in (wearing.NEW, wearing.LIFTED) else self._state

    def _on_loop(self, _: int) -> None:
        self._next_ms = self.now_ms

    def _look(self) -> None:
        strap = self.strap
        looks = self._sense.look(
            self.now_ms,
            STANDARD,
            strap.loop_uv() // 1000,
            strap.pad_count(),
            self._contact(),
            self.charger,
            self.still_s(self.now_ms),
        )
        if looks:
            self._happen(looks)
        late = self.now_ms - self._lifted_ms >= wearing.LIFTED_MS
        if self._state == wearing.LIFTED and late:
            self._happen(wearing.LATE)

    def _contact(self) -> bool | None:
        """The oximeter's vote, when it is asked for: light meets no skin under a lifted band."""
        if not (self._optical and self._sense.needs_light):
            return None
        return self.strap.is_on_skin and self.strap.contact > _HALF

    def _happen(self, event: int) -> None:
        before = self._state
        self._state, what = wearing.step(before, event)
        if what == wearing.RAISE:
            self.alarms.append((self.now_ms, self._state))
        if what != wearing.NOTHING:
            self._lifted_ms = self.now_ms
        if not self.states or self.states[-1][1] != self.told:
            self.states.append((self.now_ms, self.told))
