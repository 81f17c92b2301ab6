# SPDX-License-Identifier: Apache-2.0
"""One wearer's wrist as the demo shows it: what was done with the band, what its motor does, and
what that means."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opaska_tools.simulator.circuit import Ntag424
    from opaska_tools.stage.scene import Worn

_SHOWN = 28  # samples of the motor, one per frame: what half of 80 columns has room for
_COLOURS = {"not_sent": "red", "accepted": "green", "taken": "green", "closed": "green"}
_PASSING = (  # patterns after which what stood before stands again
    "hold",
    "fault",
    "safe_mode",
    "put_on",
    "visit_tick",
    "visit_begun",
    "visit_ended",
    "visit_reached",
    "visit_expected",
    "not_read",
)


class Wrist:
    """Samples a band for the screen."""

    def __init__(self, worn: Worn) -> None:
        self.worn = worn
        self.kid = worn.kid
        self.account = worn.account
        self.motor: deque[float] = deque([0.0] * _SHOWN, maxlen=_SHOWN)
        self.link_cut = False
        self.is_charging = False
        self.is_home = True
        self.is_busy = False  # somebody walks, or waits for the cell
        self.percent = 90  # of the cell
        self.measured = 0  # how often the pulse was asked for
        self.card: Ntag424 | None = None  # of the carer who visits
        self.is_visited = False

    def sample(self) -> None:
        """One more sample of the motor."""
        newest_first = reversed(self.worn.band.signals)
        self.motor.append(next((s.duty for s in newest_first if s.output == "motor"), 0.0))

    @property
    def power(self) -> str:
        return self.worn.band.state

    @property
    def place(self) -> str:
        """Where the band is: on the wrist, or what became of it."""
        if self.is_charging:
            return "charger"
        loop = self.worn.band.circuit.wiring.strap.loop
        return {"closed": "worn", "open": "table", "cut": "cut off"}[loop]

    @property
    def feels(self) -> str:
        """The last pattern that stands; "" when there is none or the power is off."""
        band = self.worn.band
        if band.state != "on":
            return ""
        newest_first = reversed(band.notes)
        stands = next((note for note in newest_first if note.name not in _PASSING), None)
        # what stood before the power went is forgotten with it
        return stands.name if stands and stands.t_ms >= band.starts[-1].t_ms else ""

    @property
    def colour(self) -> str:
        return _COLOURS.get(self.feels, "cyan")
