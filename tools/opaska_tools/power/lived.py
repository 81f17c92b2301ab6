# SPDX-License-Identifier: Apache-2.0
"""What a band does in an hour at rest, in one without a network, and in the ten minutes after an
SOS under open sky: counted from outside, at the pins, chips and the link of a simulated band with
the whole firmware, in virtual time, with the real gateway."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.circuit import Sky
from opaska_tools.simulator.clock import ClockService
from opaska_tools.stage import virtual_gateway
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.registration import register_many

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SETTLED_S = 120  # connected, first heartbeat, first measurement of the pulse
LOST_S = 900  # without a network, until its pauses are as long as they get; and back
HOUR_S = 3600
ALARM_S = 600  # until a human closes the case
_QUIET_S = 5  # between bytes, to call the next ones another contact
_PRESS_MS = 700


@dataclass
class Times:
    """Counts, and seconds in a state."""

    seconds: int = 0
    asleep_s: float = 0.0  # the processor, in light sleep
    sleeps: int = 0  # and so often it woke up
    modem_awake_s: int = 0  # its serial port, for which DTR is held
    contacts: int = 0  # the modem sends or hears after a pause
    talking_s: int = 0
    oximeter_s: int = 0
    gnss_s: int = 0
    outputs_s: dict[str, float] = field(default_factory=dict[str, float])  # motor, buzzer, led_*


@dataclass
class Lived:
    """An hour at rest, one without a network, and what an alarm adds."""

    hour: Times
    lost: Times
    alarm: Times

    def as_json(self) -> dict[str, Any]:
        """As it stands in power_budget.json."""
        return asdict(self)


def live() -> Lived:
    """Some thirty seconds of real time."""
    return asyncio.run(_live())


async def _live() -> Lived:
    with TemporaryDirectory(prefix="opaska-power-") as place:
        async with ClockService() as clock, _band(Path(place), clock) as band:
            await band.start()
            await clock.run_for(SETTLED_S * 1000)
            hour = await _watch(band, clock, HOUR_S)
            await band.modem(covered=False)
            await clock.run_for(LOST_S * 1000)
            lost = await _watch(band, clock, HOUR_S)
            await band.modem(covered=True)
            await clock.run_for(LOST_S * 1000)
            band.circuit.wiring.modem.gnss.sky = Sky(52.2242667, 21.0123)
            await band.press(_PRESS_MS)
            alarm = await _watch(band, clock, ALARM_S)
            return Lived(hour, lost, alarm)


@asynccontextmanager
async def _band(place: Path, clock: ClockService) -> AsyncGenerator[SimulatedBand]:
    """Registered, with a gateway of its own."""
    gateway = Gateway(place / "gateway", command=virtual_gateway.command(clock))
    gateway.write_config()
    worn = (await register_many(gateway, 1))[0]
    await gateway.spawn()
    try:
        await clock.joined(virtual_gateway.NAME)
        await gateway.ready()
        address = ("127.0.0.1", gateway.broker_port)
        async with SimulatedBand(place / "band", address, virtual_clock=clock) as band:
            band.provision(bytes.fromhex(worn.kid), worn.generation, worn.key)
            yield band
    finally:
        await gateway.stop()


async def _watch(band: SimulatedBand, clock: ClockService, seconds: int) -> Times:
    """Second by second."""
    times = Times(seconds)
    wiring, begin_ms, quiet_s = band.circuit.wiring, clock.now_ms(), _QUIET_S
    activity = band.link.activity
    asleep_s, sleeps = await band.slept()
    for _ in range(seconds):
        await clock.run_for(1000)
        times.oximeter_s += wiring.oximeter.shines
        times.gnss_s += wiring.modem.gnss.is_on
        times.modem_awake_s += not wiring.modem.sleep.is_asleep
        quiet_s += 1
        if band.link.activity != activity:
            times.contacts += quiet_s > _QUIET_S
            times.talking_s += 1
            activity, quiet_s = band.link.activity, 0
    now = await band.slept()
    times.asleep_s, times.sleeps = round(now[0] - asleep_s, 1), now[1] - sleeps
    times.outputs_s = _lit(band, begin_ms, clock.now_ms())
    return times


def _lit(band: SimulatedBand, begin_ms: float, end_ms: float) -> dict[str, float]:
    """Seconds of full duty of each output."""
    sums: dict[str, float] = {}
    since: dict[str, tuple[float, float]] = {}
    for signal in band.signals:
        at_ms, duty = since.get(signal.output, (signal.t_ms, 0.0))
        took_s = max(0.0, signal.t_ms - max(at_ms, begin_ms)) / 1000
        sums[signal.output] = sums.get(signal.output, 0.0) + duty * took_s
        since[signal.output] = (signal.t_ms, signal.duty)
    for output, (at_ms, duty) in since.items():
        sums[output] += duty * (end_ms - max(at_ms, begin_ms)) / 1000
    return {output: round(took_s, 1) for output, took_s in sums.items() if took_s >= 0.05}
