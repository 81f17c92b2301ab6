# SPDX-License-Identifier: Apache-2.0
"""A person's hand on a simulated band: one key, one deed; and the words for what the band does."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from opaska_tools.simulator.records import Signal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opaska_tools.simulator.band import SimulatedBand
    from opaska_tools.simulator.records import Note

PRESS_MS = 700  # longer than the firmware's default hold of 500 ms
_BATTERY_STEPS = (90, 50, 15, 3)  # percent
_MOVEMENTS = ("walk", "sit_down_hard", "lie_down", "stumble", "clap", "hit_table", "slump")


class Hand:
    """`say` gets a line for everything that happens."""

    def __init__(self, band: SimulatedBand, say: Callable[[str], None]) -> None:
        self._band = band
        self._say = say
        self._battery = 0  # index into _BATTERY_STEPS
        self._charging = False
        self._covered = True
        self._held = False
        self._movements = 0  # made so far
        self._deeds: dict[str, tuple[str, Callable[[], Awaitable[str]]]] = {
            "s": ("press SOS", self._press),
            "h": ("hold SOS, let go", self._hold),
            "l": ("cut the link in silence, restore", self._link),
            "x": ("lose the network, find it", self._coverage),
            "p": ("power off, on", self._power),
            "b": ("next battery level", self._drain),
            "c": ("charger on, off", self._charge),
            "t": ("take it off, put it on", self._strap),
            "k": ("cut the strap", self._cut),
            "w": ("wall clock an hour on", self._shift),
            "f": ("fall, lie still", lambda: self._move("fall_and_lie")),
            "g": ("fall, get up, walk on", lambda: self._move("fall_and_walk_on")),
            "m": ("next other movement", self._move_on),
        }
        band.on_felt = self._felt
        band.on_printed = lambda line: self._tell(f"console  {line}")

    @property
    def help(self) -> str:
        """What the keys do."""
        keys = [f"  {key}  {words}" for key, (words, _) in self._deeds.items()]
        return "\n".join([*keys, "  q  leave"])

    async def press_key(self, key: str) -> None:
        """Do what the key stands for."""
        if key not in self._deeds:
            self._say(self.help)
            return
        try:
            self._tell(f"you      {await self._deeds[key][1]()}")
        except TimeoutError as error:
            self._tell(f"you      nothing happened: {error}")

    def _felt(self, felt: Signal | Note) -> None:
        if isinstance(felt, Signal):
            self._tell(f"{felt.output:8} {felt.duty:4.0%} at {felt.hz} Hz")
        else:
            self._tell(f"signal   {felt.name}")

    def _tell(self, words: str) -> None:
        now = datetime.datetime.now().astimezone()
        self._say(f"{now:%H:%M:%S}.{now.microsecond // 1000:03} {words}")

    async def _press(self) -> str:
        press = await self._band.press(PRESS_MS)
        return f"pressed SOS for {press.up_ms - press.down_ms:.0f} ms"

    async def _hold(self) -> str:
        self._held = not self._held
        if self._held:
            await self._band.press_down()
            return "hold SOS down"
        await self._band.press_up()
        return "let go of SOS"

    async def _link(self) -> str:
        if self._band.link.is_cut:
            self._band.link.restore()
            return "restored the link"
        self._band.link.cut()
        return "cut the link"

    async def _coverage(self) -> str:
        self._covered = not self._covered
        await self._band.modem(covered=self._covered)
        return "back in the network" if self._covered else "out of the network"

    async def _power(self) -> str:
        if self._band.state == "off":
            await self._band.start()
            return "power on"
        await self._band.power_cut()
        return "power off"

    async def _drain(self) -> str:
        self._battery = (self._battery + 1) % len(_BATTERY_STEPS)
        percent = _BATTERY_STEPS[self._battery]
        await self._band.battery(percent)
        return f"battery at {percent} %"

    async def _charge(self) -> str:
        self._charging = not self._charging
        await self._band.charging(self._charging)
        return "on the charger" if self._charging else "off the charger"

    async def _strap(self) -> str:
        if self._band.circuit.wiring.strap.loop == "closed":
            await self._band.take_off()
            return "took it off, laid it on the table"
        await self._band.put_on()
        return "put it on, the clasp closed"

    async def _cut(self) -> str:
        await self._band.strap("cut", "table")
        return "cut the strap"

    async def _move_on(self) -> str:
        self._movements += 1
        return await self._move(_MOVEMENTS[self._movements % len(_MOVEMENTS)])

    async def _move(self, name: str) -> str:
        from opaska_tools.body_model import STORIES, shipped

        recording = shipped(name)
        await self._band.wear(recording)
        return f"{STORIES[name][0]} ({recording.count / recording.rate_hz:.0f} s)"

    async def _shift(self) -> str:
        await self._band.shift_clock(3600)
        return "the wall clock is an hour on"
