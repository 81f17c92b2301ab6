# SPDX-License-Identifier: Apache-2.0
"""One band of a load test: a bare MQTT 3.1.1 connection that seals reports and verifies answers.

Bare, because a thousand of them share one core with a broker and the gateway that is measured. As
a real band it keeps every report until a verified answer, and resends it byte for byte.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opaska_protocol import answers, reports
from opaska_protocol.channel import BandChannel
from opaska_protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.stage.registration import Registered

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 0x20, 0x30, 0x40, 0x90
_KEEPALIVE_S = 0  # the run is short and never idle
_CONNECT_S = 10.0  # from the first packet to the broker's last yes; then it is tried again
BOOT = 1  # a load band usually starts once


@dataclass(slots=True)
class Waiting:
    """A sealed report that no verified answer has freed yet."""

    frame: bytes
    urgent: bool
    since_s: float  # time.monotonic() when it left, or should have left
    sent_s: float  # when it was published last


class LoadBand(asyncio.Protocol):
    """Publishes sealed reports at QoS 1; `on_stored` is told of every verified first STORED."""

    def __init__(
        self,
        band: Registered,
        on_stored: Callable[[LoadBand, int, float], None] | None = None,
        on_frame: Callable[[LoadBand, bytes], None] | None = None,
        boot: int = BOOT,
    ) -> None:
        self.kid = band.kid
        self.waiting: dict[int, Waiting] = {}  # by seq
        self.accepted = 0  # reports sealed so far: their seq are 1..accepted
        self.alarms = 0  # of them, SOS
        self.answered = 0
        self.states: dict[int, int] = {}  # by seq, of those that got further than STORED
        self.frames = 0  # that came down, repeats included
        self.unverified = 0  # of them, what its key did not open
        self.up = asyncio.Event()  # while the broker takes reports and answers reach it
        self.lost = asyncio.Event()  # the opposite
        self.lost.set()
        self._channel = BandChannel(
            bytes.fromhex(band.kid), band.generation, band.key, boot, secrets.token_bytes(8)
        )
        self.generation = band.generation
        self.account = band.account
        self._booted_s = time.monotonic()
        self._on_stored = on_stored
        self._on_frame = on_frame
        self._packet_id = 0
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._subscribed: asyncio.Future[None] | None = None

    # --- reports ---

    def report(
        self, *, urgent: bool = False, due_s: float | None = None, publish: bool = True
    ) -> int:
        """Seal one report and publish it; `due_s` (time.monotonic) is when it should have left."""
        self.accepted += 1
        self.alarms += urgent
        seq = self.accepted
        now_s = time.monotonic()
        uptime_ms = int((now_s - self._booted_s) * 1000)
        body = _alarm(uptime_ms) if urgent else _heartbeat(uptime_ms)
        sealed = self._channel.seal(seq, body)
        waiting = Waiting(sealed, urgent, now_s if due_s is None else due_s, float("-inf"))
        self.waiting[seq] = waiting
        if publish:
            self._send_report(waiting, now_s)
        return seq

    def resend(self, older_than_s: float = 0.0) -> int:
        """Publish again, byte for byte, what was last sent longer ago than that; how many."""
        now_s = time.monotonic()
        late = [each for each in self.waiting.values() if each.sent_s <= now_s - older_than_s]
        for each in late:
            self._send_report(each, now_s)
        return len(late)

    def publish(self, frame: bytes, *, urgent: bool = False) -> None:
        """Publish any bytes on a topic of this band; nothing happens without a connection."""
        self._packet_id = self._packet_id % 0xFFFF + 1
        topic = f"up/{self.kid}/{'a' if urgent else 't'}".encode()
        self._send(0x32, _text(topic) + self._packet_id.to_bytes(2, "big") + frame)

    def _send_report(self, waiting: Waiting, now_s: float) -> None:
        if self.up.is_set():
            waiting.sent_s = now_s
            self.publish(waiting.frame, urgent=waiting.urgent)

    def _take(self, frame: bytes) -> None:
        self.frames += 1
        if self._on_frame is not None:
            self._on_frame(self, frame)
        try:
            answer = answers.decode_answer(self._channel.open(frame))
        except ProtocolError:
            self.unverified += 1
            return
        if answer.boot != self._channel.boot:
            self.unverified += 1
            return
        if answer.state > answers.STORED:
            self.states[answer.seq] = max(answer.state, self.states.get(answer.seq, 0))
        waiting = self.waiting.pop(answer.seq, None)
        if waiting is not None:
            self.answered += 1
            if self._on_stored is not None:
                self._on_stored(self, answer.seq, time.monotonic() - waiting.since_s)

    # --- MQTT ---

    async def connect(self, port: int) -> None:
        """Connect to a broker on 127.0.0.1, listen and resend; OSError, TimeoutError."""
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = _text(self.kid.encode())
        # MQTT 3.1.1, a user name, and a session that stays, as bands have
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

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

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
            self._take(packet[at:])
        elif kind == _CONNACK:
            if packet[1]:
                self._refuse(f"CONNACK {packet[1]}")
            else:
                self._send(0x82, b"\0\1" + _text(f"dn/{self.kid}".encode()) + b"\1")
        elif kind == _SUBACK:
            if packet[2] > 1:
                self._refuse(f"SUBACK {packet[2]}")
            elif self._subscribed is not None and not self._subscribed.done():
                self.lost.clear()
                self.up.set()
                self._subscribed.set_result(None)
                self.resend()

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


def _text(characters: bytes) -> bytes:
    return len(characters).to_bytes(2, "big") + characters


def _heartbeat(uptime_ms: int) -> bytes:
    return reports.encode_report(
        reports.HEARTBEAT,
        {
            "uptime_ms": uptime_ms,
            "battery_percent": 88,
            "battery_mv": 3999,
            "free_bytes": 123_456,
            "build": reports.BENCH,
            "link": reports.CELLULAR,
            "last_dseq": 0,
            "waiting": 0,
            "signal_dbm": -87,
        },
    )


def _alarm(uptime_ms: int) -> bytes:
    return reports.encode_report(
        reports.ALARM,
        {
            "uptime_ms": uptime_ms,
            "kind": reports.SOS,
            "battery_percent": 88,
            "trigger": reports.HOLD,
        },
    )
