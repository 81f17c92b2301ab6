# SPDX-License-Identifier: Apache-2.0
"""`opaska serve` as a child process, commands beside it, and a band that speaks plain MQTT."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from typer.testing import CliRunner

from opaska_gateway.cli import app
from opaska_protocol import answers, orders, reports
from opaska_protocol.channel import BandChannel
from tests.gateway.deploy.broker import Client

if TYPE_CHECKING:
    from types import TracebackType

START_S = 120  # a cold start on a machine whose CPU others take
WAIT_S = 30
OPASKA = (sys.executable, "-m", "opaska_gateway")


class Serve:
    """The gateway on the settings file of a folder; its log lines are JSON."""

    def __init__(self, folder: Path, settings: str = "[broker]\nport = 0\n") -> None:
        self.folder = folder
        self.file = folder / "gateway.toml"
        self.file.write_text(
            f'[log]\nform = "json"\nlevel = "debug"\njourney = true\n{settings}', encoding="utf-8"
        )
        self.seen: list[dict[str, Any]] = []
        self.port = 0
        self.environment = dict(os.environ)
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *OPASKA,
            "serve",
            "--config",
            self.file,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )

    async def start(self) -> None:
        await self.spawn()
        self.port = (await self.line("ready", START_S))["broker_port"]

    async def line(
        self, event: str, timeout_s: float = WAIT_S, **values: object
    ) -> dict[str, Any]:
        """The next log line of this event with these values."""
        assert self.process.stderr is not None
        async with asyncio.timeout(timeout_s):
            while True:
                text = await self.process.stderr.readline()
                assert text, f"ended before {event} {values}: {self.seen[-5:]}"
                line: dict[str, Any] = json.loads(text)
                self.seen.append(line)
                if line["event"] == event and values.items() <= line.items():
                    return line

    async def ended(self) -> int:
        """The exit code; what it still says is drained."""
        async with asyncio.timeout(START_S):
            _, rest = await self.process.communicate()
            self.seen += [json.loads(text) for text in rest.splitlines()]
            return await self.process.wait()

    async def command(self, *words: str) -> str:
        """What an `opaska` command prints, run beside the gateway (here, to be quick)."""
        invoke = partial(CliRunner().invoke, app, words, env={"OPASKA_CONFIG": str(self.file)})
        umask = os.umask(0o077)
        result = await asyncio.to_thread(invoke)
        os.umask(umask)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    async def new_band(self, label: str = "7") -> dict[str, Any]:
        bundle: dict[str, Any] = json.loads(await self.command("bands", "add", "--label", label))
        return bundle


class Band:
    """A band by our own protocol, on the embedded broker."""

    def __init__(self, bundle: dict[str, Any], boot: int = 1) -> None:
        self.kid: str = bundle["kid"]
        self._channel = BandChannel(
            bytes.fromhex(bundle["kid"]),
            bundle["generation"],
            bytes.fromhex(bundle["key"]),
            boot,
            os.urandom(8),
        )
        self._client = Client(self.kid, None, self.kid)

    async def connect(self, port: int) -> None:
        assert await self._client.connect(port) == "Success"
        await self._client.subscribe(f"dn/{self.kid}")

    def sos(self, seq: int) -> bytes:
        """A sealed press of the button."""
        fields = {"uptime_ms": 1000 * seq, "kind": reports.SOS, "trigger": reports.HOLD}
        return self._channel.seal(seq, reports.encode_report(reports.ALARM, fields))

    async def send(self, frame: bytes) -> None:
        await self._client.publish(f"up/{self.kid}/a", frame)

    async def answer(self) -> tuple[int, int]:
        """(seq, state) of the next verified answer."""
        answer = answers.decode_answer(await self._body())
        return answer.seq, answer.state

    async def order(self) -> dict[str, Any]:
        """The settings of the next verified order."""
        order = orders.decode_order(await self._body())
        assert order.kind == orders.SETTINGS
        return orders.settings_from_wire(order.arguments)

    async def _body(self) -> bytes:
        _, frame = await self._client.message()
        return self._channel.open(frame)

    def close(self) -> None:
        self._client.close()
