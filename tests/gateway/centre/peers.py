# SPDX-License-Identifier: Apache-2.0
"""Receivers to send to: two that we did not write, pysiaalarm and siadc09, and a scripted one."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient
from pysiaalarm.event import SIAEvent
from pysiaalarm.utils.enums import CommunicationsProtocol
from siadc09 import message as siadc09_message
from siadc09 import util as siadc09_util

from opaska_gateway import clock
from opaska_gateway.centre import Centre, CentreSettings, ReceiverSettings, Signal
from opaska_gateway.centre.dc09 import Frame, decode

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

ACCOUNT = "1409AB"
KEYS = {16: b"0123456789ABCDEF", 24: b"0123456789ABCDEF01234567", 32: b"0123456789ABCDEF" * 2}
KEY = KEYS[16]
PROTOCOLS = ("SIA-DCS", "ADM-CID")


def receiver_settings(port: int, **changes: Any) -> ReceiverSettings:
    """Settings for a receiver on this machine, impatient and without line tests."""
    usual = {"name": "main", "host": "127.0.0.1", "port": port, "supervision": "off"}
    return ReceiverSettings.model_validate(usual | {"timeout_s": 2.0} | changes)


_numbers = itertools.count(1)


def a_signal(**changes: Any) -> Signal:
    usual: dict[str, Any] = {
        "account": ACCOUNT,
        "kind": "sos",
        "number": next(_numbers),
        "occurred_ms": clock.now_ms(),
    }
    return Signal(**(usual | changes))


@asynccontextmanager
async def centre_for(
    *receivers: ReceiverSettings, now_ms: Callable[[], int] = clock.now_ms, **changes: Any
) -> AsyncGenerator[Centre]:
    settings = CentreSettings(receiver=receivers, **changes)
    centre = Centre(settings, now_ms)
    try:
        yield centre
    finally:
        await centre.close()


@dataclass
class Pysiaalarm:
    """The receiver that Home Assistant uses, and what it noted."""

    port: int
    events: list[SIAEvent]
    client: SIAClient


@asynccontextmanager
async def pysiaalarm(
    key: bytes | None = None,
    *,
    account: str = ACCOUNT,
    udp: bool = False,
    timeband: tuple[int, int] | None = (40, 20),
) -> AsyncGenerator[Pysiaalarm]:
    events: list[SIAEvent] = []

    async def note(event: SIAEvent) -> None:
        events.append(event)

    make: Any = SIAClient  # an abstract class that makes one of its two children
    client: SIAClient = make(
        "127.0.0.1",
        0,
        [SIAAccount(account, key.decode() if key else None, allowed_timeband=timeband)],
        note,
        protocol=CommunicationsProtocol.UDP if udp else CommunicationsProtocol.TCP,
    )
    inside: Any = client
    if udp:  # its own asserts a base class that the loop's UDP transports do not have
        server = inside.sia_server
        server.connection_made = partial(setattr, server, "transport")
    await client.async_start()
    where = inside.transport.get_extra_info if udp else inside.server.sockets[0].getsockname
    port: int = where("sockname")[1] if udp else where()[1]
    try:
        yield Pysiaalarm(port, events, client)
    finally:
        await client.async_stop()
        await _ended("handle_line")


@dataclass
class Receiver:
    """A TCP server that notes what it is sent and answers as it is told."""

    port: int = 0
    raw: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    most_at_once: int = 0
    talking: int = 0

    def frames(self, key: bytes | None = None) -> list[Frame]:
        return [decode(raw, key) for raw in self.raw]


CLOSE = b"close"  # an answer that stands for closing the connection


@asynccontextmanager
async def a_receiver(
    answer: Callable[[bytes], bytes],
    *,
    after_s: float = 0,
    greeting: bytes = b"",
    again_after_s: float = 0,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncGenerator[Receiver]:
    """Answers each frame with `answer(frame)`; b"" = silence, CLOSE = it hangs up.

    With `again_after_s` it says the same once more, to nobody.
    """
    receiver = Receiver()
    writers: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        receiver.talking += 1
        receiver.most_at_once = max(receiver.most_at_once, receiver.talking)
        writers.add(writer)
        try:
            writer.write(greeting)
            while frame := await reader.readuntil(b"\r"):
                receiver.raw.append(frame)
                await asyncio.sleep(after_s)
                reply = answer(frame)
                if reply == CLOSE:
                    break
                writer.write(reply)
                await writer.drain()
                if again_after_s:
                    await asyncio.sleep(again_after_s)
                    writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            receiver.talking -= 1
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await _ended("talk")
        await server.wait_closed()


async def _ended(coroutine: str) -> None:
    """Wait until a server's conversations are over; their connections are closed."""
    talks = [task for task in asyncio.all_tasks() if coroutine in repr(task.get_coro())]
    await asyncio.wait_for(asyncio.gather(*talks, return_exceptions=True), 5)
    await asyncio.sleep(0)


def siadc09_answer(
    key: bytes | None = None, log: list[Any] | None = None
) -> Callable[[bytes], bytes]:
    """What siadc09 answers to a frame: its own parser, its own ACK."""

    def answer(raw: bytes) -> bytes:
        heard = siadc09_message.parse_frame(raw, key)
        if log is not None:
            log.append(heard)
        ack = siadc09_message.AckMessage(
            heard.account, heard.seq, siadc09_util.now(), heard.encrypted
        )
        encoded: bytes = ack.encode(encrypt=heard.encrypted)
        return encoded

    return answer
