# SPDX-License-Identifier: Apache-2.0
"""`opaska bench ingest`: sealed reports of many bands, to verified STORED answers.

Rate 0 keeps a fixed number of reports under way; any other rate sends on a fixed schedule and
counts each delay from when the report should have left.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opaska_tools.bench.figures import percentile
from opaska_tools.bench.load_band import LoadBand
from opaska_tools.stage.gateway import Gateway
from opaska_tools.stage.mosquitto import Mosquitto, find_mosquitto
from opaska_tools.stage.registration import Registered, register_many

_WINDOW = 400  # reports under way at rate 0: enough to keep the gateway busy, less than its queue
_URGENT_EVERY = 100  # one report in so many is an SOS
_RESEND_AFTER_S = 10.0  # a band's own schedule would do it too
_DRAIN_S = 30.0  # how long stragglers may take after the last report
_TICK_S = 0.005  # the open-loop schedule is served this often


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
        load = _Load(gateway)
        await load.connect(registered)
        stack.callback(load.close)
        return await load.measure(rate, seconds, "mosquitto" if mosquitto else "amqtt")


class _Load:
    """All bands of one run, and what came back."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._bands: list[LoadBand] = []
        self._delays_s: list[float] = []
        self._sent = 0
        self._next = 0
        self._refill = False  # rate 0: every answer sends the next report

    async def connect(self, registered: list[Registered]) -> None:
        loop = asyncio.get_running_loop()
        for band in registered:
            load_band = LoadBand(band, self._on_stored)
            port = self._gateway.broker_port
            await loop.create_connection(partial(_same, load_band), "127.0.0.1", port)
            self._bands.append(load_band)
        await asyncio.gather(*(band.ready for band in self._bands))

    def close(self) -> None:
        for band in self._bands:
            band.close()

    async def measure(self, rate: float, seconds: float, broker: str) -> Ingest:
        cpu_before, _ = self._gateway.appetite()
        began = time.monotonic()
        watching = asyncio.create_task(self._watch_memory())
        await (self._open_loop(rate, seconds) if rate else self._closed_loop(seconds))
        await self._drain()
        took = time.monotonic() - began
        cpu = self._gateway.appetite()[0] - cpu_before
        watching.cancel()
        answered = sum(band.answered for band in self._bands)
        stored, rows = _stored(self._gateway.database_file)
        return Ingest(
            rate_per_s=round(answered / took, 1),
            per_cpu_s=round(answered / cpu, 1),
            p50_ms=round(percentile(self._delays_s, 50) * 1000, 2),
            p99_ms=round(percentile(self._delays_s, 99) * 1000, 2),
            rss_mb=round(self._peak_mb, 1),
            sent=self._sent,
            answered=answered,
            lost=self._sent - min(answered, stored),
            doubled=rows - stored,
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
            self._resend()
        self._refill = False

    async def _open_loop(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        total = int(rate * seconds)
        while self._sent < total:
            now = time.monotonic()
            while self._sent < total and began + self._sent / rate <= now:
                self._send(began + self._sent / rate)
            await asyncio.sleep(_TICK_S)

    async def _drain(self) -> None:
        end = time.monotonic() + _DRAIN_S
        while any(band.sent for band in self._bands) and time.monotonic() < end:
            await asyncio.sleep(0.01)
            self._resend()

    def _send(self, due_s: float | None = None) -> None:
        band = self._bands[self._next]
        self._next = (self._next + 1) % len(self._bands)
        self._sent += 1
        band.report(urgent=self._sent % _URGENT_EVERY == 0, due_s=due_s)

    def _resend(self) -> None:
        for band in self._bands:
            band.resend(_RESEND_AFTER_S)

    def _on_stored(self, band: LoadBand, seq: int, delay_s: float) -> None:
        self._delays_s.append(delay_s)
        if self._refill:
            self._send()


def _same(band: LoadBand) -> LoadBand:
    return band


def _stored(database_file: Path) -> tuple[int, int]:
    """(different reports, rows of reports) in the gateway's database."""
    query = (
        "SELECT count(DISTINCT hex(device_id) || '.' || generation || '.' || boot || '.' || seq),"
        " count(*) FROM event WHERE kind = 'report'"
    )
    with closing(sqlite3.connect(database_file)) as connection:
        different, rows = connection.execute(query).fetchone()
        return different, rows
