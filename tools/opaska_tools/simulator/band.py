# SPDX-License-Identifier: Apache-2.0
"""A simulated band in the hand of a test or a person: power, button, battery, radio path, and what
the wearer felt. The band itself is the real firmware on the board of hardware/simulated/.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal, Self

from opaska_tools.simulator import places
from opaska_tools.simulator.board import Board, End
from opaska_tools.simulator.circuit import (
    PINS,
    Card,
    Circuit,
    Loop,
    Motion,
    Pulse,
    Recorded,
    Surface,
)
from opaska_tools.simulator.identity import write_identity
from opaska_tools.simulator.link import LinkProxy
from opaska_tools.simulator.records import Press, Start
from opaska_tools.simulator.timekeeper import RealTime
from opaska_tools.simulator.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from opaska_tools.falls.recordings import Recording
    from opaska_tools.simulator.clock import ClockService
    from opaska_tools.simulator.timekeeper import Cancellable

POWER_ON, HARD_RESET, WATCHDOG, DEEP_SLEEP, SOFT_RESET = range(1, 6)  # machine.reset_cause()
EXT0_WAKE, EXT1_WAKE, TIMER_WAKE = 2, 3, 4  # machine.wake_reason()

_SOS_BUTTON = PINS["sos_button"]  # the button pulls it low
_EMPTY_MV, _FULL_MV = 3450, 4150

State = Literal["off", "on", "asleep", "halted"]  # halted: the program has ended, as at a REPL
FlashFault = Literal["unreadable", "full", "read_only"]


class SimulatedBand(Witness):
    """An async context manager; what it starts ends with it. Switch on with `start`."""

    def __init__(
        self,
        folder: Path,
        broker_address: tuple[str, int] | None = None,
        *,
        heap: str = "256K",
        virtual_clock: ClockService | None = None,
        program: Path = places.MAIN,
        path: tuple[Path, ...] = (),
        linked: bool | None = None,
        first_ticks_ms: int = 0,
    ) -> None:
        """`linked`: run the image of a real band, in which another program than main.py does not
        find all that the sources have; None: if it is main.py. `first_ticks_ms`: what
        time.ticks_ms() shows at each start, to be close to its wrap."""
        super().__init__(virtual_clock or RealTime())
        self.folder = folder
        self.broker_address = broker_address or ("127.0.0.1", 9)  # discard: nobody listens
        self.link = LinkProxy(self.broker_address, self.time)
        self.state: State = "off"
        self._board = Board(
            self,
            self._ended,
            heap=heap,
            clock=virtual_clock,
            program=program,
            path=path,
            linked=program == places.MAIN if linked is None else linked,
        )
        self._first_ticks_ms = first_ticks_ms
        self.circuit = Circuit(self.time, self._board.send)
        self.link.radio = self.circuit.wiring.radio
        self.circuit.wiring.radio.on_free = self.link.pump
        self._clock = virtual_clock
        self._fault: FlashFault | None = None
        self._panics = False
        self._once: dict[str, Any] = {}  # commands for the next start alone
        self._wakers: list[list[int]] = []  # [gpio, level, slot] that end the deep sleep
        self._alarm: Cancellable | None = None  # likewise
        self._numbers = itertools.count(1)

    @property
    def wakes(self) -> int:
        """Virtual time: moments for which the processor had waited, with bytes not counted."""
        return self._board.wakes

    def provision(
        self,
        kid: bytes,
        generation: int,
        key: bytes,
        *,
        tls: bool = False,
        build: int = 1,
        brokers: str | None = None,
        apn: str = "",
    ) -> None:
        """Write the identity into the NVS, as the bench does with a new band."""
        brokers = brokers or "{}:{}".format(*self.broker_address)
        write_identity(
            self.folder, kid, generation, key, brokers=brokers, tls=tls, build=build, apn=apn
        )

    # --- power ---

    async def start(self) -> None:
        """Switch the power on."""
        if self.state != "off":
            raise RuntimeError(f"the band is {self.state} already")
        await self._power_up(POWER_ON, 0)

    async def power_cut(self) -> None:
        """The power is gone between two instructions. The broker hears nothing of it."""
        self.state = "off"
        if self._alarm:
            self._alarm.cancel()
        self.link.orphan_connections()
        await self._board.kill()
        self.circuit.wiring.power_off()
        self.noticed()

    async def stop(self) -> None:
        """The same: nothing more is asked of a band."""
        await self.power_cut()

    async def restart(self) -> None:
        """Power off and on."""
        await self.power_cut()
        await self.start()

    async def wait_off(self, timeout_s: float = 30.0) -> None:
        """Until the power is gone, for instance by `flash_cut`."""
        await self.until(lambda: self.state == "off" or None, timeout_s, "the loss of power")

    # --- the wearer and the world ---

    async def press(self, hold_ms: float = 700) -> Press:
        """Hold the SOS button for a while; the board itself times it."""
        if self.state != "on":
            down_ms = self.time.now_ms()
            await self.press_down()
            await self.time.sleep(hold_ms)
            await self.press_up()
            return Press(down_ms, self.time.now_ms())
        number = next(self._numbers)
        await self._board.command({"press": [_SOS_BUTTON, 0, round(hold_ms), number]})
        up = await self.wait_event(hold_ms / 1000 + 10, released=number)
        down = next(event for event in self.events if event.get("pressed") == number)
        return Press(down["t"], up["t"])

    async def press_down(self) -> None:
        """Hold the button down, also while the band is off or starts."""
        await self.hold_pin(_SOS_BUTTON, 0)

    async def press_up(self) -> None:
        """Let go of the button."""
        await self.hold_pin(_SOS_BUTTON, None)

    async def hold_pin(self, gpio: int, level: int | None) -> None:
        """Drive a pin from outside until told otherwise; None lets go of it."""
        self.circuit.drive(gpio, level)
        if self.state == "asleep":
            for waker in self._wakers:
                if waker[:2] == [gpio, level]:
                    await self._power_up(DEEP_SLEEP, EXT1_WAKE if waker[2] else EXT0_WAKE)
                    return

    async def wear(self, recording: Recording) -> float:
        """Let the wearer go through it from now on, and then stay as it ends. Returns when its
        first sample comes, in ms: a second from now, which is spent getting into its posture."""
        samples = [(x, y, z) for x, y, z in recording.read().tolist()]
        return self.circuit.wiring.wear(Motion(recording.rate_hz, samples))

    async def imu_fault(self, fault: str | None) -> None:
        """Break the accelerometer (FAULTS of hardware/simulated/chips/lsm6dso.py), or mend it."""
        self.circuit.wiring.imu_fault(fault)

    async def show(self, source: Pulse | Recorded | Surface | None) -> None:
        """Put this in front of the oximeter; None: the air."""
        self.circuit.wiring.show(source)

    async def oximeter_fault(self, fault: str | None) -> None:
        """Break the oximeter (FAULTS of hardware/simulated/chips/max30102.py), or mend it."""
        self.circuit.wiring.oximeter.fault = fault

    async def hold_card(self, card: Card) -> None:
        """Hold a carer's card to the band, also while another is there."""
        self.circuit.wiring.nfc.field.hold(card)

    async def take_card(self, card: Card | None = None, after_bytes: int | None = None) -> None:
        """Take it away, or all of them; at once, or when so many more bytes went through the
        air."""
        self.circuit.wiring.nfc.field.take(card, after_bytes)

    async def nfc_fault(self, fault: str | None) -> None:
        """Break the NFC reader (FAULTS of hardware/simulated/chips/pn532.py), or mend it."""
        self.circuit.wiring.nfc.fault = fault

    async def strap(self, loop: Loop | None = None, touch: str | None = None) -> None:
        """Close, open or cut the clasp, and change what touches the pad (TOUCHES of
        hardware/simulated/chips/strap.py)."""
        self.circuit.wiring.strap.put(loop, touch)

    async def take_off(self, onto: str = "table") -> None:
        """Open the clasp, and lay the band down."""
        await self.strap("open", onto)

    async def put_on(self) -> None:
        """Onto dry skin, the clasp closed."""
        await self.strap("closed", "skin")

    async def chatter(self, edges: int, every_ms: float = 0) -> None:
        """Let the contact of the clasp bounce so often, and then be as it was. In no time at all a
        processor that sleeps sees nothing of it."""
        for _ in range(edges):
            for level in (1, 0):
                self.circuit.drive(PINS["strap_loop"], level)
                if every_ms:
                    await self.time.sleep(every_ms)

    async def battery(self, percent: float, millivolts: int | None = None) -> None:
        """The cell's charge; without a voltage a likely one."""
        likely = round(_EMPTY_MV + (_FULL_MV - _EMPTY_MV) * percent / 100)
        self.circuit.wiring.gauge.set(percent, likely if millivolts is None else millivolts)

    async def charging(self, on: bool) -> None:
        """Put it on the charger, or take it off."""
        self.circuit.wiring.charging(on)

    async def modem(self, **world: float | str) -> None:
        """Change the modem's world: covered, sim, signal_dbm, start_ms, register_ms; sim is
        as in hardware/simulated/chips/eg915u_card.py."""
        self.circuit.wiring.modem.set(**world)

    async def ppp_panics(self, on: bool) -> None:
        """Let PPP over a stream written in Python end the processor, as was reported of lwIP."""
        self._panics = on
        await self._command("ppp_panics", on)

    async def shift_clock(self, seconds: float) -> None:
        """Put the wall clock forward or back."""
        await self._command("shift_clock", seconds)

    # --- the flash ---

    async def flash_fault(self, fault: FlashFault | None) -> None:
        """Let the flash fail from now on, or work again."""
        self._fault = fault
        await self._command("flash_fault", fault)

    async def flash_cut(self, after_writes: int, mode: int) -> None:
        """Cut the power during a step of the flash or NVS, so many whole steps from now or, when
        off, from the next start. Mode 0: nothing of it is written, 1: half, 2: some bits."""
        if self.state == "off":
            self._once["flash_cut"] = [after_writes, mode]
        else:
            await self._command("flash_cut", [after_writes, mode])

    async def flash_steps(self) -> int:
        """How many program and erase steps this start has done."""
        if self.state != "on":
            raise RuntimeError(f"the band is {self.state}; only a running board counts steps")
        number = next(self._numbers)
        await self._command("flash_steps", number)
        answer = await self.wait_event(asked=number)
        return int(answer["flash_steps"])

    async def slept(self) -> tuple[float, int]:
        """Seconds that the processor was in light sleep since this start, and how often."""
        number = next(self._numbers)
        await self._command("slept", number)
        answer = await self.wait_event(asked=number)
        return answer["slept_ms"] / 1000, answer["sleeps"]

    # --- inside ---

    async def _command(self, name: str, value: Any) -> None:
        if self.state == "on":
            await self._board.command({name: value})

    async def _power_up(self, cause: int, wake: int) -> None:
        self.state = "on"
        if self._alarm:
            self._alarm.cancel()
        self.starts.append(Start(self.time.now_ms(), cause, wake))
        if cause == POWER_ON:
            self.circuit.wiring.power_on()
        commands: dict[str, Any] = {"flash_fault": self._fault, **self._once}
        commands["ppp_panics"] = self._panics
        commands["pins"] = [[gpio, level] for gpio, level in self.circuit.pins.items()]
        self._once = {}
        await self._board.start(
            {"cause": cause, "wake": wake, "ticks": self._first_ticks_ms, "commands": commands}
        )
        self.noticed()

    async def _ended(self, end: End) -> None:
        """The processor has stopped by itself."""
        if self.state == "off":
            return
        if end.reset:
            await self._power_up(end.reset, 0)
        elif end.sleep_ms is not None:
            self.state = "asleep"
            self._wakers = end.wakers
            if end.sleep_ms:
                self._alarm = self.time.call_later(end.sleep_ms, self._wake)
        else:
            self.state = "off" if end.power_lost else "halted"
            if end.power_lost:
                self.circuit.wiring.power_off()
        self.noticed()

    def _wake(self) -> None:
        self._board.soon(self._power_up(DEEP_SLEEP, TIMER_WAKE))

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.link.start()
        await self._board.open()
        if self._clock:
            self._clock.watch(self.link)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        await self._board.close()
        await self.link.stop()
        if self._clock:
            self._clock.forget(self.link)
