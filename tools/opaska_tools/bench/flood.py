# SPDX-License-Identifier: Apache-2.0
"""`opaska bench flood`: live SOS while a thousand bands hand over what they kept during an outage.

Every SOS is pressed at another point of the backlog and timed from its band's publish to its
verified STORED answer.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.bench.figures import summary_ms
from opaska_tools.bench.fleet import Fleet
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.mosquitto import Mosquitto, find_mosquitto
from opaska_tools.stage.registration import Registered, register_many
from opaska_tools.stage.stored import count_reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opaska_tools.bench.load_band import LoadBand

BANDS = 1000  # that come back after the outage
_LONGEST_S = 240.0  # for the whole backlog: 50,000 reports through the embedded broker
_SOS_RESEND_S = 2.0  # a band's own schedule
_RESEND_S = 30.0  # a band resends telemetry only after minutes
_TICK_S = 0.005
_CHUNK = 50  # bands that publish their backlog before others get a turn


@dataclass(frozen=True, slots=True)
class Answered:
    """One SOS: how long its answer took, and how much of the backlog still waited then."""

    after_s: float
    backlog_left: int


def run(backlog: int, sos: int, *, embedded: bool = False) -> dict[str, Any]:
    """Measure and return the JSON object; on Mosquitto where there is one, if not `embedded`."""
    with TemporaryDirectory(prefix="opaska-bench-") as folder:
        return asyncio.run(_measure(Path(folder), backlog, sos, embedded=embedded))


async def _measure(folder: Path, backlog: int, sos: int, *, embedded: bool) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        mosquitto = None
        if not embedded and find_mosquitto():
            mosquitto = await stack.enter_async_context(Mosquitto(folder / "mosquitto"))
        gateway = Gateway(folder, mosquitto=mosquitto)
        gateway.write_config()
        registered = await register_many(gateway, BANDS + sos)
        await stack.enter_async_context(gateway)
        flood = Flood(gateway, registered[:BANDS], registered[BANDS:])
        await stack.enter_async_context(flood.crowd)
        await stack.enter_async_context(flood.live)
        answered = await flood.play(backlog)
        different, rows = count_reports(gateway.database_file)
        return {
            "backlog": backlog,
            "sos": sos,
            "answered_ms": summary_ms([each.after_s for each in answered]),
            "lost": backlog + sos - different,
            "doubled": rows - different,
            "broker": "mosquitto" if mosquitto else "amqtt",
        }


class Flood:
    """A crowd of bands with a backlog, and live bands that press once each."""

    def __init__(
        self, gateway: Gateway, crowd: Sequence[Registered], live: Sequence[Registered]
    ) -> None:
        self.crowd = Fleet(crowd, lambda: gateway.broker_port)
        self.live = Fleet(live, lambda: gateway.broker_port, on_stored=self._on_stored)
        self._answered: list[Answered] = []

    async def play(self, backlog: int) -> list[Answered]:
        """Hand over the backlog, press in between; return when everything is answered."""
        await self.crowd.connected()
        await self.live.connected()
        for number in range(backlog):
            self.crowd.bands[number % len(self.crowd.bands)].report(publish=False)
        handing_over = asyncio.create_task(self._hand_over())
        try:
            async with asyncio.timeout(_LONGEST_S):
                await self._press_meanwhile(backlog)
        finally:
            handing_over.cancel()
        return self._answered

    async def _press_meanwhile(self, backlog: int) -> None:
        """Press the n-th SOS when n shares of the backlog are answered; wait for all answers."""
        bands = self.live.bands
        share = backlog / (len(bands) + 1)
        pressed = 0
        while pressed < len(bands) or self.crowd.waiting or self.live.waiting:
            if pressed < len(bands) and self.crowd.answered >= share * (pressed + 1):
                bands[pressed].report(urgent=True)
                pressed += 1
            self.live.resend(_SOS_RESEND_S)
            await asyncio.sleep(_TICK_S)

    async def _hand_over(self) -> None:
        for number, band in enumerate(self.crowd.bands):
            band.resend()
            if number % _CHUNK == 0:
                await asyncio.sleep(0)
        while True:  # until cancelled
            await asyncio.sleep(1.0)
            self.crowd.resend(_RESEND_S)

    def _on_stored(self, band: LoadBand, seq: int, delay_s: float) -> None:
        self._answered.append(Answered(delay_s, self.crowd.waiting))
