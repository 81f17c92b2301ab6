# SPDX-License-Identifier: Apache-2.0
"""What a simulated band was seen to do. Times are ms of the simulation's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """An output changed: what the wearer feels, hears or sees from now on."""

    t_ms: float
    output: str  # motor, buzzer, led_red, led_green, led_blue
    duty: float  # 0..1
    hz: int


@dataclass(frozen=True, slots=True)
class Note:
    """The firmware began a pattern of this name (firmware/opaska_band/signals.py)."""

    t_ms: float
    name: str


@dataclass(frozen=True, slots=True)
class Press:
    """The button was down in between."""

    down_ms: float
    up_ms: float


@dataclass(frozen=True, slots=True)
class Start:
    """The board started: machine.reset_cause() and machine.wake_reason()."""

    t_ms: float
    cause: int
    wake: int
