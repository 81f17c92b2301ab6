# SPDX-License-Identifier: Apache-2.0
"""A bare MQTT 3.1.1 connection of a load test: one subscription, QoS 1, nothing is kept.

Bare, because a thousand of them share one core with a broker and the gateway that is measured.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 0x20, 0x30, 0x40, 0x90
_KEEPALIVE_S = 0  # the run is short and never idle
_CONNECT_S = 10.0  # from the first packet to the broker's last yes


class BareMqtt(asyncio.Protocol):
    """`name` is user name and client id; the session stays, as those of bands do."""

    def __init__(
        self,
        name: str,
        topic: str,
        on_message: Callable[[bytes], None],
        on_up: Callable[[], None],
    ) -> None:
        self.up = asyncio.Event()  # while the broker takes messages and answers reach us
        self.lost = asyncio.Event()  # the opposite
        self.lost.set()
        self._name = name
        self._topic = topic
        self._on_message = on_message
        self._on_up = on_up
        self._packet_id = 0
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._subscribed: asyncio.Future[None] | None = None

    async def connect(self, port: int) -> None:
        """Connect to a broker on 127.0.0.1 and subscribe; OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        self._subscribed = loop.create_future()
        self._buffer = b""
        async with asyncio.timeout(_CONNECT_S):
            await loop.create_connection(lambda: self, "127.0.0.1", port)
            try:
                await self._subscribed
            except BaseException:
                self.close()
                raise

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1; whoever wants it acknowledged listens for an answer."""
        self._packet_id = self._packet_id % 0xFFFF + 1
        self._send(0x32, _text(topic) + self._packet_id.to_bytes(2, "big") + payload)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = _text(self._name)
        # a user name (0x80), and no clean session (0x02)
        self._send(0x10, b"\0\4MQTT\4\x80" + _KEEPALIVE_S.to_bytes(2, "big") + name + name)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (packet := self._next_packet()) is not None:
            self._handle(*packet)

    def connection_lost(self, exc: Exception | None) -> None:
        self.up.clear()
        self.lost.set()
        if self._subscribed is not None and not self._subscribed.done():
            self._subscribed.set_exception(exc or ConnectionError("the broker hung up"))

    # --- packets ---

    def _next_packet(self) -> tuple[int, bytes] | None:
        data = self._buffer
        size = shift = 0
        for at in range(1, min(len(data), 5)):
            size |= (data[at] & 0x7F) << shift
            shift += 7
            if not data[at] & 0x80:
                end = at + 1 + size
                if len(data) < end:
                    return None
                self._buffer = data[end:]
                return data[0], data[at + 1 : end]
        return None

    def _handle(self, head: int, packet: bytes) -> None:
        kind = head & 0xF0
        if kind == _PUBLISH:
            at = 2 + int.from_bytes(packet[:2], "big")
            if head & 0x06:  # QoS 1
                self._send(_PUBACK, packet[at : at + 2])
                at += 2
            self._on_message(packet[at:])
        elif kind == _CONNACK:
            if packet[1]:
                self._refuse(f"CONNACK {packet[1]}")
            else:
                self._send(0x82, b"\0\1" + _text(self._topic) + b"\1")
        elif kind == _SUBACK:
            if packet[2] > 1:
                self._refuse(f"SUBACK {packet[2]}")
            elif self._subscribed is not None and not self._subscribed.done():
                self._subscribed.set_result(None)
                self.lost.clear()
                self.up.set()
                self._on_up()

    def _refuse(self, why: str) -> None:
        if self._subscribed is not None and not self._subscribed.done():
            self._subscribed.set_exception(ConnectionError(why))

    def _send(self, head: int, body: bytes) -> None:
        assert self._transport is not None
        size = bytearray()
        left = len(body)
        while True:
            size.append(left & 0x7F | (0x80 if left > 0x7F else 0))
            left >>= 7
            if not left:
                break
        self._transport.write(bytes((head,)) + size + body)


def _text(characters: str) -> bytes:
    encoded = characters.encode()
    return len(encoded).to_bytes(2, "big") + encoded
