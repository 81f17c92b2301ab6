# SPDX-License-Identifier: Apache-2.0
"""One wearer's wrist as the demo shows it: what the motor does, and what it means."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from opaska_tools.simulator.records import Note

if TYPE_CHECKING:
    from opaska_tools.stage.scene import Worn

_SHOWN = 40  # samples of the motor, one per frame of the screen
_COLOURS = {"not_sent": "red", "accepted": "green", "taken": "green", "closed": "green"}
_PASSING = ("hold", "fault", "safe_mode")  # patterns after which what stood before stands again


class Wrist:
    """Samples a band for the screen."""

    def __init__(self, worn: Worn) -> None:
        self.worn = worn
        self.kid = worn.kid
        self.account = worn.account
        self.motor: deque[float] = deque([0.0] * _SHOWN, maxlen=_SHOWN)
        self.link_cut = False

    def sample(self) -> None:
        """One more sample of the motor."""
        levels = [signal.duty for signal in self.worn.band.signals if signal.output == "motor"]
        self.motor.append(levels[-1] if levels else 0.0)

    @property
    def power(self) -> str:
        return self.worn.band.state

    @property
    def feels(self) -> str:
        """The last pattern that stands; "" when there is none or the power is off."""
        if self.worn.band.state != "on":
            return ""
        notes: list[Note] = [n for n in self.worn.band.notes if n.name not in _PASSING]
        return notes[-1].name if notes else ""

    @property
    def colour(self) -> str:
        return _COLOURS.get(self.feels, "cyan")
