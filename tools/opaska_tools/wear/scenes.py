# SPDX-License-Identifier: Apache-2.0
"""Constructed scenes: what happens to a strap, and how the band is worn from then on.

Times in seconds. The true state is that of a report; None says that for now nothing is right or
wrong, as while a hand is at the clasp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opaska_protocol.reports import CHARGING, CUT, LOOSE, TAKEN_OFF, WORN

if TYPE_CHECKING:
    from hardware.simulated.chips.strap import Loop

MIN: Final = 60.0
HOUR: Final = 3600.0


class Turn(NamedTuple):
    """From `at_s` on; what is None stays as it was."""

    at_s: float
    truth: int | None
    loop: Loop | None = None
    touch: str | None = None
    moves: bool | None = None  # as a wrist does
    charger: bool | None = None
    drift_percent: float = 0.0  # of the pad's count in air, from now on


class Scene(NamedTuple):
    """It begins on a table, never worn; `optical_alone`: right only with the oximeter's vote."""

    name: str
    lasts_s: float
    turns: tuple[Turn, ...]
    optical_alone: bool = False


def _worn(at_s: float = 60.0) -> tuple[Turn, ...]:
    """Put on, and lived with for ten minutes."""
    return (
        Turn(0, None, "open", "table", moves=False),
        Turn(at_s - 5, None, touch="hand", moves=True),
        Turn(at_s, WORN, "closed", "skin"),
    )


_OFF = (Turn(660, None, "open", "hand"), Turn(662, TAKEN_OFF, touch="table", moves=False))

SCENES: Final = (
    Scene("taken off", 900, (*_worn(), *_OFF)),
    Scene("off and on", 900, (*_worn(), *_OFF, Turn(750, WORN, "closed", "skin", moves=True))),
    Scene("taken off and carried", 900, (*_worn(), Turn(660, TAKEN_OFF, "open", "hand"))),
    Scene("pulled over the hand", 900, (
        *_worn(),
        Turn(660, None, touch="hand"),
        Turn(662, TAKEN_OFF, touch="table", moves=False),
    ), optical_alone=True),
    Scene("cut", 900, (*_worn(), Turn(660, CUT, "cut", "table", moves=False))),
    Scene("cut on the arm", 900, (*_worn(), Turn(660, CUT, "cut"))),
    Scene("strap open on the arm", 900, (*_worn(), Turn(660, LOOSE, "open"))),
    Scene("sweat, then off", HOUR, (
        *_worn(),
        Turn(300, WORN, touch="sweat"),
        Turn(2400, None, "open", "wet"),
        Turn(2402, TAKEN_OFF, touch="dried", moves=False),
    )),
    Scene("sleeve slips between", 1800, (
        *_worn(),
        Turn(660, WORN, touch="sleeve"),
        Turn(1200, WORN, touch="skin"),
    )),
    Scene("sleeve after sweat", HOUR, (
        *_worn(),
        Turn(300, WORN, touch="sweat"),
        Turn(2400, WORN, touch="sleeve"),
    )),
    Scene("cold skin", 1800, (*_worn(), Turn(660, WORN, touch="cold"))),
    Scene("put on cold skin", 900, (
        Turn(0, None, "open", "table", moves=False),
        Turn(60, WORN, "closed", "cold", moves=True),
    )),
    Scene("shower", 2400, (
        *_worn(),
        Turn(660, WORN, touch="shower"),
        Turn(1500, WORN, touch="skin"),
    )),
    Scene("off in the shower", 1200, (
        *_worn(),
        Turn(300, WORN, touch="shower"),
        Turn(600, None, "open", "wet"),
        Turn(602, TAKEN_OFF, touch="dried", moves=False),
    )),
    Scene("gloves", 1800, (
        *_worn(),
        Turn(660, WORN, touch="glove"),
        Turn(1200, WORN, touch="skin"),
    )),
    Scene("asleep", 9 * HOUR, (*_worn(), Turn(660, WORN, moves=False))),
    Scene("warm room, cold street", 3 * HOUR, (
        *_worn(),
        Turn(900, WORN, drift_percent=3),
        Turn(HOUR, WORN, drift_percent=-3),
        Turn(2 * HOUR, None, "open", "hand"),
        Turn(2 * HOUR + 2, TAKEN_OFF, touch="table", moves=False),
    )),
    Scene("bedside charger", 9 * HOUR, (
        *_worn(),
        Turn(660, None, "open", "hand"),
        Turn(663, CHARGING, touch="charger", charger=True, moves=False),
        Turn(8 * HOUR, None, touch="hand", charger=False, moves=True),
        Turn(8 * HOUR + 30, WORN, "closed", "skin"),
    )),
    Scene("charger, clasp closed", 3 * HOUR, (
        *_worn(),
        Turn(660, None, "open", "hand"),
        Turn(662, None, "closed", "hand"),
        Turn(664, CHARGING, touch="charger", charger=True, moves=False),
        Turn(2 * HOUR, None, touch="hand", charger=False, moves=True),
        Turn(2 * HOUR + 10, WORN, touch="skin"),
    )),
)  # fmt: skip
