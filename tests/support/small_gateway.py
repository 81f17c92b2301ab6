# SPDX-License-Identifier: Apache-2.0
"""A gateway small enough to see through: a responder of few rules on a plain amqtt broker, or on
another one. It opens every report with the real protocol, remembers it once, and answers each
arrival alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.client import MQTTClient

from opaska_gateway.broker.takeover import OrderlyBroker
from opaska_protocol import frame
from opaska_protocol.answers import ACCEPTED, STORED, Answer, encode_answer
from opaska_protocol.channel import GatewayChannel
from opaska_protocol.orders import Order, encode_order
from opaska_protocol.reports import decode_report, rings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

_LISTENER = "default"
_SHUTDOWN_S = 2.0


@dataclass(frozen=True)
class Arrival:
    """A report as it first came."""

    topic: str
    boot: int
    seq: int
    type: int
    fields: dict[str, Any]
    size: int  # bytes of the sealed frame


class SmallGateway:
    """For one band. `answers` are the states that an arriving alarm gets; empty: silence."""

    def __init__(
        self, kid: bytes, generation: int, key: bytes, broker: tuple[str, int] | None = None
    ) -> None:
        self.address = broker  # None: one of its own
        self.answers: tuple[int, ...] = (STORED, ACCEPTED)
        self.stores_telemetry = True
        self.arrivals: dict[tuple[int, int], Arrival] = {}
        self.repeats = 0  # arrivals of the same bytes
        self.times: Counter[tuple[int, int]] = Counter()  # how often each report came
        self.clashes: list[tuple[int, int]] = []  # same name, other bytes: must stay empty
        self._frames: dict[tuple[int, int], bytes] = {}
        self._kid = kid
        self._generation = generation
        self._channel = GatewayChannel(kid, generation, key, secrets.token_bytes(8))
        self._counter = 0
        self._news = asyncio.Condition()
        self._stack = contextlib.AsyncExitStack()
        self._client = MQTTClient(config={"auto_reconnect": False})

    async def arrival(self, wanted: Callable[[Arrival], bool], timeout_s: float = 30.0) -> Arrival:
        """The first report that is wanted."""
        async with asyncio.timeout(timeout_s), self._news:
            while True:
                for arrival in self.arrivals.values():
                    if wanted(arrival):
                        return arrival
                await self._news.wait()

    def of_type(self, type_: int) -> list[Arrival]:
        return [arrival for arrival in self.arrivals.values() if arrival.type == type_]

    async def answer(self, state: int, boot: int, seq: int, generation: int | None = None) -> None:
        await self.send(self.seal_answer(state, boot, seq, generation))

    def seal_answer(self, state: int, boot: int, seq: int, generation: int | None = None) -> bytes:
        """Under our own key, also to a report of another generation."""
        answer = Answer(state, generation or self._generation, boot, seq, int(time.time()))
        return self.seal(encode_answer(answer))

    async def order(self, dseq: int, kind: int, arguments: dict[int, Any]) -> None:
        await self.send(self.seal(encode_order(Order(dseq, kind, arguments))))

    def seal(self, body: bytes) -> bytes:
        self._counter += 1
        return self._channel.seal(self._counter, body)

    async def send(self, data: bytes) -> None:
        """Any bytes to the band."""
        await self._client.publish(f"dn/{self._kid.hex()}", data, qos=1)

    async def _serve(self) -> None:
        while True:
            message = await self._client.deliver_message()
            if message is not None and message.publish_packet is not None:
                with contextlib.suppress(TimeoutError):  # its PUBACK; the band sends again
                    await self._take(message.topic, bytes(message.publish_packet.data or b""))

    async def _take(self, topic: str, data: bytes) -> None:
        header, ciphertext = frame.parse_up(data)
        if header.generation != self._generation:
            return
        name = (header.boot, header.seq)
        self.times[name] += 1
        report = decode_report(self._channel.open(header, ciphertext))
        if name in self._frames:
            self.repeats += 1
            if self._frames[name] != data:
                self.clashes.append(name)
        else:
            self._frames[name] = data
            self.arrivals[name] = Arrival(topic, *name, report.type, report.fields, len(data))
        if rings(report.type):
            states = self.answers
        else:
            states = (STORED,) if self.stores_telemetry else ()
        try:
            for state in states:
                await self.answer(state, *name)
        finally:
            async with self._news:
                self._news.notify_all()

    async def __aenter__(self) -> Self:
        if self.address is None:
            self.address = await self._stack.enter_async_context(plain_broker())
        await self._client.connect("mqtt://{}:{}".format(*self.address))
        await self._client.subscribe([(f"up/{self._kid.hex()}/#", 1)])
        self._stack.push_async_callback(self._client.disconnect)
        serving = asyncio.create_task(self._serve())
        self._stack.callback(serving.cancel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()


@contextlib.asynccontextmanager
async def plain_broker() -> AsyncGenerator[tuple[str, int]]:
    """An amqtt broker that lets everybody in; its address."""
    broker = OrderlyBroker(  # plain amqtt forgets who comes back before it has left
        {
            "listeners": {_LISTENER: {"type": "external"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )

    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(Exception):  # a band whose power was cut
            await broker.external_connected(
                StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER
            )

    await broker.start()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_SHUTDOWN_S):
                await broker.shutdown()
        for writer in writers:  # amqtt forgets those of clients that came back
            writer.transport.abort()
        await asyncio.sleep(0)
