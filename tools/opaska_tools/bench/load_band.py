# SPDX-License-Identifier: Apache-2.0
"""One band of a load test: a bare MQTT 3.1.1 connection that seals reports and verifies answers.

Bare, because a thousand of them share one core with a broker and the gateway that is measured.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from typing import TYPE_CHECKING

from opaska_protocol import answers, reports
from opaska_protocol.channel import BandChannel

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.stage.registration import Registered

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 0x20, 0x30, 0x40, 0x90
_KEEPALIVE_S = 0  # the run is short and never idle


class LoadBand(asyncio.Protocol):
    """Publishes sealed reports at QoS 1; `on_stored` is told of every verified first STORED."""

    def __init__(
        self, band: Registered, on_stored: Callable[[LoadBand, int, float], None]
    ) -> None:
        self.kid = band.kid
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent: dict[int, tuple[bytes, float, bool]] = {}  # seq -> frame, since, urgent
        self.answered = 0
        self._channel = BandChannel(
            bytes.fromhex(band.kid), band.generation, band.key, 1, secrets.token_bytes(8)
        )
        self._on_stored = on_stored
        self._seq = 0
        self._packet_id = 0
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    # --- reports ---

    def report(self, *, urgent: bool = False, due_s: float | None = None) -> int:
        """Seal and publish one report; `due_s` (time.monotonic) is when it should have left."""
        self._seq += 1
        body = _alarm(self._seq) if urgent else _heartbeat(self._seq)
        frame = self._channel.seal(self._seq, body)
        since = time.monotonic() if due_s is None else due_s
        self.sent[self._seq] = (frame, since, urgent)
        self._publish(frame, urgent)
        return self._seq

    def resend(self, older_than_s: float) -> int:
        """Publish again, byte for byte, what waits longer than that; how many."""
        limit = time.monotonic() - older_than_s
        late = [(frame, urgent) for frame, since, urgent in self.sent.values() if since < limit]
        for frame, urgent in late:
            self._publish(frame, urgent)
        return len(late)

    def _publish(self, frame: bytes, urgent: bool) -> None:
        self._packet_id = self._packet_id % 0xFFFF + 1
        topic = f"up/{self.kid}/{'a' if urgent else 't'}".encode()
        packet_id = self._packet_id.to_bytes(2, "big")
        self._send(0x32, len(topic).to_bytes(2, "big") + topic + packet_id + frame)

    def _answered(self, frame: bytes) -> None:
        answer = answers.decode_answer(self._channel.open(frame))
        waiting = self.sent.pop(answer.seq, None)
        if waiting is not None:
            self.answered += 1
            self._on_stored(self, answer.seq, time.monotonic() - waiting[1])

    # --- MQTT ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = self.kid.encode()
        text = len(name).to_bytes(2, "big") + name
        # MQTT 3.1.1, a user name, and a session that stays, as bands have
        self._send(0x10, b"\0\4MQTT\4\x80" + _KEEPALIVE_S.to_bytes(2, "big") + text + text)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (packet := self._next_packet()) is not None:
            self._handle(*packet)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the broker closed the connection"))

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
            self._answered(packet[at:])
        elif kind == _CONNACK:
            if packet[1]:
                self.ready.set_exception(ConnectionError(f"CONNACK {packet[1]}"))
                return
            topic = f"dn/{self.kid}".encode()
            self._send(0x82, b"\0\1" + len(topic).to_bytes(2, "big") + topic + b"\1")
        elif kind == _SUBACK and not self.ready.done():
            self.ready.set_result(None)

    def _send(self, head: int, body: bytes) -> None:
        assert self._transport is not None
        size = bytearray()
        left = len(body)
        while True:
            size.append(left & 0x7F | (0x80 if left > 0x7F else 0))
            left >>= 7
            if not left:
                break
        self._transport.write(struct.pack("B", head) + size + body)


def _heartbeat(seq: int) -> bytes:
    return reports.encode_report(
        reports.HEARTBEAT,
        {
            "uptime_ms": seq * 1000,
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


def _alarm(seq: int) -> bytes:
    return reports.encode_report(
        reports.ALARM,
        {
            "uptime_ms": seq * 1000,
            "kind": reports.SOS,
            "battery_percent": 88,
            "trigger": reports.HOLD,
        },
    )
