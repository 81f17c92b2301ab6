# SPDX-License-Identifier: Apache-2.0
"""`opaska serve` as a child: its configuration, its ready line, its journey, its appetite."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import psutil

from opaska_tools.stage.child import Child
from opaska_tools.stage.mosquitto import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from opaska_tools.stage.mosquitto import Mosquitto

_KEPT_ENTRIES = 4_000  # of its log
_START_S = 30.0  # a cold start with migration on a busy machine
OPASKA = Path(sys.executable).with_name("opaska")


@dataclass(frozen=True, slots=True)
class Station:
    """One line of the journey: a report passed a station of the gateway."""

    name: str
    kid: str
    boot: int
    seq: int
    monotonic_ms: float
    details: dict[str, Any] = field(default_factory=dict[str, Any])


class ReceiverAddress(Protocol):
    """A monitoring centre's receiver on this machine."""

    @property
    def port(self) -> int: ...
    @property
    def key_hex(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, int | float | str]:
        """More keys of its [[centre.receiver]] table."""
        ...


class Gateway:
    """One gateway process on a folder of its own. It may be killed and started again there."""

    def __init__(
        self,
        folder: Path,
        *,
        mosquitto: Mosquitto | None = None,
        receivers: Sequence[ReceiverAddress] = (),
        journey: bool = False,
        on_station: Callable[[Station], None] | None = None,
        command: Sequence[str | Path] = (OPASKA, "serve"),
    ) -> None:
        self.folder = folder
        self.config_file = folder / "gateway.toml"
        self.database_file = folder / "var" / "opaska.db"
        self.key_file = folder / "var" / "opaska.key"
        self._mosquitto = mosquitto
        self._receivers = receivers
        self._journey = journey
        self._on_station = on_station
        self._command = command
        self._news = asyncio.Event()
        self.entries: deque[dict[str, Any]] = deque(maxlen=_KEPT_ENTRIES)  # of its log
        self._ready = asyncio.Event()
        self.broker_port = 0  # where bands reach the broker
        self.child: Child | None = None

    def write_config(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(self._config(), encoding="utf-8")

    async def start(self) -> None:
        """Start it and wait until it takes reports."""
        await self.spawn()
        await self.ready()

    async def spawn(self, *, command: Sequence[str | Path] = ()) -> None:
        """Only start it; `command` runs another program on the same folder, this once."""
        if not self.config_file.exists():
            self.write_config()
        self._ready.clear()
        self.entries.clear()
        program = (*(command or self._command), "--config", self.config_file)
        self.child = Child(program, on_line=self._on_line)
        await self.child.start()

    async def ready(self) -> None:
        """Wait until it takes reports; ChildEnded, TimeoutError."""
        assert self.child is not None
        await self.child.until(self._ready, _START_S, "the gateway says ready")

    async def logged(self, event: str, timeout_s: float, after: int = 0) -> dict[str, Any]:
        """The first entry of this name among its log after the first `after`; TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                self._news.clear()
                for entry in list(self.entries)[after:]:
                    if entry.get("event") == event:
                        return entry
                await self._news.wait()

    async def stop(self) -> int | None:
        return None if self.child is None else await self.child.stop()

    async def kill(self) -> None:
        """As kill -9 does."""
        assert self.child is not None
        self.child.kill()
        await self.child.stop()

    def appetite(self) -> tuple[float, float]:
        """(CPU seconds so far, resident MB) of the gateway process."""
        assert self.child is not None
        process = psutil.Process(self.child.pid)
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss / 1e6

    def _config(self) -> str:
        lines = [
            "[log]",
            'form = "json"',
            f"journey = {str(self._journey).lower()}",
            "[storage]",
            'database_file = "var/opaska.db"',
            'key_file = "var/opaska.key"',
            "[broker]",
            *self._broker_lines(),
        ]
        for number, receiver in enumerate(self._receivers, 1):
            lines += [
                "[[centre.receiver]]",
                f'name = "receiver {number}"',
                'host = "127.0.0.1"',
                f"port = {receiver.port}",
                f'key = "{receiver.key_hex}"',
                'supervision = "off"',
                *(f"{key} = {json.dumps(value)}" for key, value in receiver.settings.items()),
            ]
        return "\n".join(lines) + "\n"

    def _broker_lines(self) -> list[str]:
        if self._mosquitto is None:
            return ['kind = "embedded"', "port = 0"]
        return [
            'kind = "mosquitto"',
            'host = "127.0.0.1"',
            f"port = {self._mosquitto.gateway_port}",
            f'username = "{GATEWAY}"',
            f"password_file = {json.dumps(str(self._mosquitto.password_file))}",
            *(f"{key} = {json.dumps(value)}" for key, value in self._mosquitto.settings.items()),
        ]

    def _on_line(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if not isinstance(entry, dict):
            return
        self._on_entry(cast("dict[str, Any]", entry))

    def _on_entry(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        self._news.set()
        if entry.get("event") == "ready":
            port: int = entry.get("broker_port", 0)
            self.broker_port = port if self._mosquitto is None else self._mosquitto.band_port
            self._ready.set()
        elif entry.get("event") == "journey" and self._on_station is not None:
            self._on_station(_station(entry))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


def _station(entry: dict[str, Any]) -> Station:
    known = ("station", "kid", "boot", "seq", "monotonic_ms")
    dropped = (*known, "event", "level", "timestamp")
    name, kid, boot, seq, monotonic_ms = (entry[key] for key in known)
    details = {key: value for key, value in entry.items() if key not in dropped}
    return Station(name, kid, boot, seq, monotonic_ms, details)
