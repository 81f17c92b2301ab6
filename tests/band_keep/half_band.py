# SPDX-License-Identifier: Apache-2.0
"""Half a band under MicroPython (keep_band.py), and a gateway that answers it, not always."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any, Self

from opaska_protocol import frame
from opaska_protocol.answers import STORED, Answer, encode_answer
from opaska_protocol.channel import GatewayChannel
from tests.band_keep import on_micropython
from tests.gateway.deploy.broker import Client
from tests.support.requirements import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

KID = b"opaska01"
KEY = bytes(range(16))
Name = tuple[int, int]  # boot, seq

# Deadlines short enough for a test; the code that keeps them is the same.
QUICK = {"_SILENT_MS": 800}


class NoLink(Exception):
    """In the band's words."""


class HalfBand:
    """The child; `run` awaits its end and gives what it said last."""

    def __init__(
        self,
        *brokers: tuple[str, int],
        reports: int = 0,
        gap_ms: int = 20,
        urgent_every: int = 3,
        backlog: int = 0,
        tls: bool = False,
        key: bytes = KEY,
        constants: dict[str, int] = QUICK,
    ) -> None:
        self.kept: dict[Name, str] = {}  # what put() promised -> letter
        self._plan = {
            "brokers": ",".join(f"{host}:{port}" for host, port in brokers),
            "kid": KID.hex(),
            "key": key.hex(),
            "tls": tls,
            "reports": reports,
            "gap_ms": gap_ms,
            "urgent_every": urgent_every,
            "backlog": backlog,
            "constants": constants,
        }

    async def run(self, timeout_s: float = 60, *, patient: bool = True) -> dict[str, Any]:
        """What the band says when all its reports are freed; `NoLink`: why it has no link, if that
        is enough."""
        child = await asyncio.create_subprocess_exec(
            program("micropython"),
            "-X",
            "heapsize=1M",  # its flash lies in its heap
            on_micropython.SCRIPTS / "keep_band.py",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"MICROPYPATH": on_micropython.PATH},
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(self._plan).encode() + b"\n")
        try:
            async with asyncio.timeout(timeout_s):
                while line := await child.stdout.readline():
                    if line.startswith(b"no link:"):  # for the bench
                        if not patient:
                            raise NoLink(line.decode())
                        continue
                    said = json.loads(line)
                    if said["event"] == "done":
                        return dict(said)
                    if said["event"] == "kept":
                        self.kept[said["boot"], said["seq"]] = said["letter"]
            raise AssertionError("the band ended early")
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()


class Answering:
    """A gateway's end: remembers every frame and answers those that `answers` wants answered."""

    def __init__(self, client: Client, answers: Callable[[Name, int], bool]) -> None:
        self.frames: dict[Name, bytes] = {}
        self.order: list[Name] = []  # first arrivals
        self.times: dict[Name, int] = {}  # how often it came
        self.topics: dict[Name, str] = {}
        self.clashes: list[Name] = []
        self.arrived = asyncio.Event()  # anything at all
        self._answers = answers
        self._client = client
        self._channel = GatewayChannel(KID, 1, KEY, secrets.token_bytes(8))
        self._counter = 0

    async def __aenter__(self) -> Self:
        await self._client.subscribe("up/#")
        self._serving = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.cancel()
        self._client.close()

    async def _serve(self) -> None:
        while True:
            topic, sealed = await self._client.messages.get()
            header, ciphertext = frame.parse_up(sealed)
            self._channel.open(header, ciphertext)
            name = (header.boot, header.seq)
            if self.frames.setdefault(name, sealed) != sealed:
                self.clashes.append(name)
            self.arrived.set()
            if name not in self.times:
                self.order.append(name)
                self.topics[name] = topic
            self.times[name] = self.times.get(name, 0) + 1
            if self._answers(name, self.times[name]):
                await self._answer(name)

    async def _answer(self, name: Name) -> None:
        self._counter += 1
        body = encode_answer(Answer(STORED, 1, *name, 1_790_000_000))
        await self._client.publish(f"dn/{KID.hex()}", self._channel.seal(self._counter, body))


def at_once(_name: Name, _times: int) -> bool:
    """Answer everything."""
    return True


def never(_name: Name, _times: int) -> bool:
    """Answer nothing."""
    return False
