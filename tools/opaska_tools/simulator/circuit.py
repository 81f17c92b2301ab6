# SPDX-License-Identifier: Apache-2.0
"""The band's board (hardware/simulated/wiring.py) between the processor's control line and the
simulation's time. Chips live here, in the supervisor, and survive a reset of the processor."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from opaska_tools.simulator import places
from opaska_tools.simulator.clock import ClockService

if str(places.ROOT) not in sys.path:
    sys.path.append(str(places.ROOT))  # `hardware` is part of the source tree, of no package

from hardware.simulated.chips.eg915u_gnss import Sky
from hardware.simulated.chips.nfc_field import Card
from hardware.simulated.chips.ntag213 import Ntag213
from hardware.simulated.chips.ntag424 import Ntag424
from hardware.simulated.chips.strap import Loop, Strap
from hardware.simulated.optics import AIR, TABLE, Pulse, Recorded, Surface
from hardware.simulated.wearer import Motion
from hardware.simulated.wiring import FELT, PINS, Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.simulator.timekeeper import Timekeeper

__all__ = [
    "AIR",
    "FELT",
    "PINS",
    "TABLE",
    "Card",
    "Circuit",
    "Loop",
    "Motion",
    "Ntag213",
    "Ntag424",
    "Pulse",
    "Recorded",
    "Sky",
    "Strap",
    "Surface",
]


class Circuit:
    """What is soldered around the processor. `command` reaches the processor, if it runs."""

    def __init__(
        self,
        timekeeper: Timekeeper,
        command: Callable[[dict[str, Any]], None],
    ) -> None:
        self._time = timekeeper
        self._command = command
        self.pins: dict[int, int] = {}  # levels held from outside
        self.wiring = Wiring(self)

    # --- from the processor ---

    def told(self, event: dict[str, Any]) -> bool:
        """Deal with a message of the processor's; False: it is not for the chips."""
        if "out" in event:
            self.wiring.output(event["out"], event["duty"] > 0)
        elif "uart" in event:
            tx, rx = event["uart"]
            self.wiring.uart(tx, rx, bytes.fromhex(event["data"]))
        elif "hang_up" in event:
            self.wiring.hang_up()
        elif "ask" in event:
            self._command({"answer": self._answer(event["ask"], event["of"])})
        else:
            return False
        return True

    def _answer(self, question: str, of: Any) -> Any:
        if question == "i2c_scan":
            return sorted(self.wiring.i2c_chips(*of))
        if question == "adc":
            return self.wiring.adc_uv(of)
        if question == "touch":
            return self.wiring.touch_count(of)
        scl, sda, address, data, count = of
        answer = self.wiring.i2c(scl, sda, address, bytes.fromhex(data), count)
        return None if answer is None else answer.hex()

    # --- to the processor, as wiring.Processor ---

    def drive(self, gpio: int, level: int | None) -> None:
        if level is None:
            self.pins.pop(gpio, None)
        else:
            self.pins[gpio] = level
        self._command({"pin": [gpio, level]})

    def uart(self, tx: int, data: bytes) -> None:
        self._command({"uart": [tx, data.hex()]})

    def call(self, open_: bool) -> None:
        self._command({"call": open_})

    def transmit(self) -> None:
        self._command({"transmit": True})

    def after(self, ms: float, function: Callable[[], None]) -> None:
        self._time.call_later(ms, function)

    def now_ms(self) -> float:
        return self._time.now_ms()

    def utc(self) -> tuple[int, int, int, int, int, int]:
        virtual = self._time.utc_ms() / 1000 if isinstance(self._time, ClockService) else None
        return time.gmtime(virtual)[:6]
