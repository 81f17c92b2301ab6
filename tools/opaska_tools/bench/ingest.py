# SPDX-License-Identifier: Apache-2.0
"""`opaska bench ingest`: sealed reports of many bands, to verified STORED answers.

Rate 0 keeps a fixed number of reports under way; any other rate sends on a fixed schedule and
counts each delay from when the report should have left.
"""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opaska_tools.bench.figures import percentile
from opaska_tools.bench.fleet import Fleet
from opaska_tools.bench.load_band import LoadBand
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.mosquitto import Mosquitto, find_mosquitto
from opaska_tools.stage.registration import Registered, register_many
from opaska_tools.stage.stored import count_reports

_WINDOW = 400  # reports under way at rate 0: enough to keep the gateway busy, less than its queue
_URGENT_EVERY = 100  # one report in so many is an SOS
_RESEND_AFTER_S = 10.0  # a band's own schedule would do it too
_DRAIN_S = 30.0  # how long stragglers may take after the last report
_TICK_S = 0.001  # the open-loop schedule is served this often


@dataclass(frozen=True, slots=True)
class Ingest:
    """What was measured. CPU seconds and memory are those of the gateway process."""

    rate_per_s: float
    per_cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    sent: int
    answered: int
    lost: int
    doubled: int
    broker: str


def run(bands: int, rate: float, seconds: float) -> dict[str, Any]:
    """Measure and return the JSON object."""
    with TemporaryDirectory(prefix="opaska-bench-") as folder:
        return asdict(asyncio.run(_measure(Path(folder), bands, rate, seconds)))


async def _measure(folder: Path, bands: int, rate: float, seconds: float) -> Ingest:
    async with AsyncExitStack() as stack:
        mosquitto = None
        if find_mosquitto():
            mosquitto = await stack.enter_async_context(Mosquitto(folder / "mosquitto"))
        gateway = Gateway(folder, mosquitto=mosquitto)
        gateway.write_config()
        registered = await register_many(gateway, bands)
        await stack.enter_async_context(gateway)
        load = _Load(gateway, registered)
        await stack.enter_async_context(load.fleet)
        await load.fleet.connected()
        gc.collect()
        gc.freeze()  # a pause of ours, over a thousand bands, would count as the gateway's
        return await load.measure(rate, seconds, "mosquitto" if mosquitto else "amqtt")


class _Load:
    """All bands of one run, and what came back."""

    def __init__(self, gateway: Gateway, registered: list[Registered]) -> None:
        self._gateway = gateway
        self.fleet = Fleet(registered, lambda: gateway.broker_port, on_stored=self._on_stored)
        self._delays_s: list[float] = []
        self._sent = 0
        self._refill = False  # rate 0: every answer sends the next report

    async def measure(self, rate: float, seconds: float, broker: str) -> Ingest:
        cpu_before, _ = self._gateway.appetite()
        began = time.monotonic()
        watching = asyncio.create_task(self._watch_memory())
        await (self._open_loop(rate, seconds) if rate else self._closed_loop(seconds))
        await self.fleet.drain(_DRAIN_S, _RESEND_AFTER_S)
        took = time.monotonic() - began
        cpu = self._gateway.appetite()[0] - cpu_before
        watching.cancel()
        answered = self.fleet.answered
        different, rows = count_reports(self._gateway.database_file)
        return Ingest(
            rate_per_s=round(answered / took, 1),
            per_cpu_s=round(answered / cpu, 1),
            p50_ms=round(percentile(self._delays_s, 50) * 1000, 2),
            p99_ms=round(percentile(self._delays_s, 99) * 1000, 2),
            rss_mb=round(self._peak_mb, 1),
            sent=self._sent,
            answered=answered,
            lost=self._sent - min(answered, different),
            doubled=rows - different,
            broker=broker,
        )

    _peak_mb = 0.0

    async def _watch_memory(self) -> None:
        while True:
            self._peak_mb = max(self._peak_mb, self._gateway.appetite()[1])
            await asyncio.sleep(0.5)

    async def _closed_loop(self, seconds: float) -> None:
        self._refill = True
        for _ in range(_WINDOW):
            self._send()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(1.0)
            self.fleet.resend(_RESEND_AFTER_S)
        self._refill = False

    async def _open_loop(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        total = int(rate * seconds)
        while self._sent < total:
            now = time.monotonic()
            while self._sent < total and began + self._sent / rate <= now:
                self._send(began + self._sent / rate)
            await asyncio.sleep(_TICK_S)

    def _send(self, due_s: float | None = None) -> None:
        band = self.fleet.bands[self._sent % len(self.fleet.bands)]
        self._sent += 1
        band.report(urgent=self._sent % _URGENT_EVERY == 0, due_s=due_s)

    def _on_stored(self, band: LoadBand, seq: int, delay_s: float) -> None:
        self._delays_s.append(delay_s)
        if self._refill:
            self._send()
