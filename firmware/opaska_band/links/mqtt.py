# SPDX-License-Identifier: Apache-2.0
"""A minimal MQTT 3.1.1 client for asyncio: QoS 1 with DUP, a persistent session, a will.

One connection has two tasks: `_read` takes what comes, `_write` alone owns the writer and all
deadlines. Whoever publishes only queues a packet and waits, so cancelling a publisher never tears
a packet apart. Ways out of a connection, all through `_serve`'s `finally`:

  the broker closes, resets or sends garbage   `_read` raises OSError, EOFError or MqttError
  nothing is answered in time                  `_write` raises MqttError
  someone calls `leave()`                      `_write` raises MqttError
  a write fails, or takes too long             `_write` raises OSError or TimeoutError
  opening fails, or CONNACK does not come      `_serve` raises before the two tasks exist
  `run()` is cancelled                         CancelledError passes through, nothing is retried

What was queued and not acknowledged stays queued and goes out on the next connection: with DUP
and the same id when the broker kept the session, as a new message when it did not.
"""

import asyncio
import random
import time

from micropython import const

from opaska_band.bell import Bell

from . import mqtt_packets as packets
from .mqtt_packets import MqttError

TYPE_CHECKING = const(False)
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    Event = asyncio.Event | Bell

_CONNACK_MS = const(20_000)  # TLS-PSK and CONNACK: four round trips, 2 s each where it is bad
_SILENT_MS = 10_000  # no word for so long after a question: dead (2 s round trip, two TCP repeats)
# A connection that has been quiet for longer may be forgotten by a network's address translation:
# it gets the time of two TCP repeats (1.5 and 3 s), and then another is opened without a pause.
_QUIET_MS = const(60_000)
_DOUBTFUL_MS = 5_000
_NEAR_PING_MS = const(60_000)  # while somebody may have something to say at any moment
_STUCK_MS = const(60_000)  # a question unanswered although others are: the broker lost it
_BACK_OFF_FIRST_MS = const(2_000)  # a broker that restarts should not meet all bands at once
_STEADY_MS = const(10_000)  # a connection that lived for so long was no failure
_BACK_OFF_MAX_MS = const(300_000)  # a try takes of the cell what one to eight minutes at rest do
_BACK_OFF_AWAITED_MS = const(60_000)  # while an SOS waits: the retry schedule's own step
_BATCH = const(1_024)  # bytes gathered into one write, about one segment of a cellular link
_LONGEST_TURN_MS = const(7_200_000)  # of `run`: the longest pause before a ping is 68 minutes
_MAX_ACKS = const(64)  # PUBACKs waiting to be written; more means that the broker floods us

_CONNACK = const(0x20)
_PUBLISH = const(0x30)
_PUBACK = const(0x40)
_SUBACK = const(0x90)
_PINGRESP = const(0xD0)
_PINGREQ = const(b"\xc0\x00")


class Packet:
    """A queued publish. `acked` turns True at PUBACK, and `event` is set then."""

    def __init__(self, id_: int, topic: bytes, data: bytes, event: "Event | None") -> None:
        self.id = id_
        self.topic = topic
        self.data = data
        self.event = event
        self.acked = False
        self.connection = 0  # number of the last connection it was written on; 0: not yet
        self.written_at: "Any" = 0  # ticks of that


class MqttClient:
    """`open_stream` is async, gives up by itself and returns (reader, writer).

    `will` gives (topic, data) or None, anew for each connection; it must not raise.
    `on_message(topic, data)`, `on_up()` and `on_forgotten()`, when the broker has lost what it
    kept for us, are plain, quick functions. `keepalive_s` may be changed, and holds from the next
    connection on. `is_near()`: whether to ping every minute, `is_awaited()`: whether to pause no
    longer than that between two tries.
    """

    def __init__(
        self,
        open_stream: "Callable[[], Awaitable[tuple[Any, Any]]]",
        client_id: str,
        username: "str | None" = None,
        password: "str | bytes | None" = None,
        will: "Callable[[], tuple[str, bytes] | None] | None" = None,
        keepalive_s: int = 120,
        subscriptions: "Sequence[str]" = (),
        on_message: "Callable[[bytes, bytes], None] | None" = None,
    ) -> None:
        self.up = asyncio.Event()
        self.on_message = on_message
        self.on_up: "Callable[[], None] | None" = None
        self.on_forgotten: "Callable[[], None] | None" = None
        self.is_near: "Callable[[], bool] | None" = None
        self.is_awaited: "Callable[[], bool] | None" = None
        self.keepalive_s = keepalive_s
        self.connections = 0
        self.messages = 0  # received on this connection
        self.last_error: "Exception | None" = None  # why a connection ended, a message was lost
        self._open_stream = open_stream
        self._connect = lambda: packets.connect(
            client_id, username, password, will() if will else None, self.keepalive_s
        )
        self._subscriptions = subscriptions
        self._ping_ms = 0  # of this connection
        self._limit_ms = _SILENT_MS  # of the question that was asked last
        self._hurry = Bell()
        self._work = Bell()  # something to write
        self._left = False
        self._opens = False  # from the first byte until CONNACK
        self._id = 0
        self._pending: "list[Packet]" = []  # Packets without PUBACK, oldest first
        self._acks: "list[int]" = []  # ids of received messages, to be PUBACKed
        self._pinged_at: "Any" = None  # ticks of a PINGREQ without its PINGRESP
        self._turned_at: "Any" = time.ticks_ms()  # sign of life
        self._up_at: "Any" = 0
        self._heard_at: "Any" = 0
        self._wrote_at: "Any" = 0

    # --- for everyone ---

    async def publish(self, topic: "str | bytes", data: bytes) -> None:
        """Return at PUBACK. Cancelling ends the waiting; the message still goes out."""
        done = asyncio.Event()
        self.post(topic, data, done)
        await done.wait()

    def post(self, topic: "str | bytes", data: bytes, event: "Event | None" = None) -> Packet:
        """Queue a QoS 1 message; its Packet tells when the broker has it."""
        topic = topic.encode() if isinstance(topic, str) else topic
        packet = Packet(self._next_id(), topic, data, event)
        self._pending.append(packet)
        self._work.set()
        return packet

    @property
    def is_busy(self) -> bool:
        """Whether an answer is due: the processor's network stack needs its clock for that."""
        is_asking = bool(self._pending) or self._pinged_at is not None
        return self._opens or (is_asking and self.up.is_set())

    @property
    def is_alive(self) -> bool:
        """Whether `run` goes on; what it waits for has its time, so it always should."""
        turned_ms = time.ticks_diff(time.ticks_ms(), self._turned_at)
        return 0 <= turned_ms < _LONGEST_TURN_MS

    def hurry(self) -> None:
        """Do not wait for the back-off: someone needs help. A link that is up loses nothing."""
        if not self.up.is_set():
            self._hurry.set()

    def leave(self) -> None:
        """End this connection; the next one begins at once."""
        self._left = True
        self._work.set()
        self._hurry.set()

    async def run(self) -> None:
        """Connect, serve, reconnect, for ever. The edge: whatever happens is a reason to retry."""
        failures = 0
        while True:
            self._hurry.clear()
            self._turned_at = time.ticks_ms()
            before = self.connections
            self._opens = True
            try:
                await self._serve()
            except Exception as error:
                if str(error) != str(self.last_error):
                    print("no link:", str(error) or repr(error))  # for the bench
                self.last_error = error
            self._opens = False
            lived_ms = time.ticks_diff(time.ticks_ms(), self._up_at)
            if self.connections > before and not 0 <= lived_ms < _STEADY_MS:
                failures = 0  # perhaps it has lived for so long that ticks wrapped
            is_awaited = self.is_awaited and self.is_awaited()
            most_ms = _BACK_OFF_AWAITED_MS if is_awaited else _BACK_OFF_MAX_MS
            await self._hurry.wait_ms(min(_back_off_ms(failures), most_ms))
            failures += 1

    # --- one connection ---

    async def _serve(self) -> None:
        reader, writer = await self._open_stream()
        tasks = []
        try:
            session = await asyncio.wait_for_ms(self._handshake(reader, writer), _CONNACK_MS)
            self._begin(session)
            over = asyncio.Event()
            for work in (self._read(reader), self._write(writer)):
                tasks.append(asyncio.create_task(self._until_over(work, over)))
            if self.on_up:
                self.on_up()
            if self.on_forgotten and not session:
                self.on_forgotten()
            await over.wait()
        finally:
            self.up.clear()
            for task in tasks:
                task.cancel()
            await _close(writer)

    async def _until_over(self, work: "Awaitable[None]", over: "asyncio.Event") -> None:
        try:
            await work
        except Exception as error:
            self.last_error = error
        finally:
            over.set()

    async def _handshake(self, reader: "Any", writer: "Any") -> bool:
        """Whether the broker kept our session."""
        self._ping_ms = self.keepalive_s * 750  # three quarters: early enough on a slow link
        writer.write(self._connect())
        await writer.drain()
        kind, body = await packets.receive(reader)
        if kind != _CONNACK or len(body) != 2:
            raise MqttError("CONNACK is missing")
        if body[1]:
            raise MqttError("CONNECT refused, code %d" % body[1])
        return bool(body[0] & 1)

    def _begin(self, session: bool) -> None:
        self.connections += 1
        self._opens = False
        self.messages = 0
        self._left = False
        self._hurry.clear()  # whoever hurried has the link now; the pause behind it is another
        self._up_at = self._heard_at = self._wrote_at = time.ticks_ms()
        self._pinged_at = None
        self._acks.clear()
        if not session:
            for packet in self._pending:
                packet.connection = 0  # new to this broker: not a duplicate
        self._work.set()
        self.up.set()

    async def _read(self, reader: "Any") -> None:
        while True:
            kind, body = await packets.receive(reader)
            self._heard_at = time.ticks_ms()
            if kind == _PUBACK:
                self._acknowledged(packets.number(body, 0))
            elif kind & 0xF0 == _PUBLISH:
                self._deliver(kind, body)
            elif kind == _PINGRESP:
                self._pinged_at = None
            elif kind == _SUBACK:
                if len(body) < 3 or max(body[2:]) > 2:
                    self.last_error = MqttError("subscription refused")
            else:
                raise MqttError("unexpected packet 0x%02x" % kind)

    def _acknowledged(self, id_: int) -> None:
        for packet in self._pending:
            if packet.id == id_ and packet.connection:
                self._pending.remove(packet)
                packet.acked = True
                if packet.event:
                    packet.event.set()
                return

    def _deliver(self, kind: int, body: bytes) -> None:
        topic, data, id_ = packets.parse_publish(kind, body)
        if len(self._acks) >= _MAX_ACKS:
            raise MqttError("too many messages")
        self.messages += 1
        if self.on_message:
            try:
                self.on_message(topic, data)
            except Exception as error:  # a message that is never acknowledged comes for ever
                self.last_error = error
        if id_:
            self._acks.append(id_)
            self._work.set()

    async def _write(self, writer: "Any") -> None:
        if self._subscriptions:
            await self._put(writer, packets.subscribe(self._next_id(), self._subscriptions))
        while not self._left:
            self._turned_at = time.ticks_ms()
            batch = self._batch()
            if batch:
                await self._put(writer, batch)
                continue
            self._work.clear()
            await self._work.wait_ms(self._patience_ms())
        raise MqttError("left on purpose")

    async def _put(self, writer: "Any", data: "bytes | bytearray") -> None:
        writer.write(data)  # all at once: header and body apart would wait for Nagle
        await asyncio.wait_for_ms(writer.drain(), _SILENT_MS)
        self._wrote_at = time.ticks_ms()

    def _batch(self) -> bytearray:
        """The bytes of everything that is to be written now."""
        out = bytearray()
        while self._acks:
            out += packets.puback(self._acks.pop(0))
        now = time.ticks_ms()
        for packet in self._pending:
            if packet.connection != self.connections and len(out) < _BATCH:
                out += packets.publish(
                    packet.id, packet.topic, packet.data, again=packet.connection > 0
                )
                packet.connection = self.connections
                packet.written_at = now
        quiet_ms = time.ticks_diff(now, self._wrote_at)
        if not out and self._pinged_at is None and quiet_ms >= self._pause_ms():
            self._pinged_at = now
            out += _PINGREQ
        if out:
            is_doubtful = time.ticks_diff(now, self._heard_at) > _QUIET_MS
            self._limit_ms = _DOUBTFUL_MS if is_doubtful else _SILENT_MS
        return out

    def _pause_ms(self) -> int:
        """Between the last byte and a ping."""
        is_near = self.is_near and self.is_near()
        return min(self._ping_ms, _NEAR_PING_MS) if is_near else self._ping_ms

    def _patience_ms(self) -> int:
        """How long the writer may sleep; MqttError when an answer is overdue."""
        now = time.ticks_ms()
        if self._pending:
            asked_at = self._pending[0].written_at
        elif self._pinged_at is not None:
            asked_at = self._pinged_at
        else:
            return max(1, self._pause_ms() - time.ticks_diff(now, self._wrote_at))
        waited_ms = time.ticks_diff(now, asked_at)
        silent_ms = min(waited_ms, time.ticks_diff(now, self._heard_at))
        if silent_ms >= self._limit_ms or waited_ms >= _STUCK_MS:
            if self._limit_ms == _DOUBTFUL_MS:
                self._hurry.set()
            raise MqttError("no answer for %d ms" % waited_ms)
        return self._limit_ms - silent_ms

    def _next_id(self) -> int:
        while True:
            self._id = self._id % 0xFFFF + 1
            if not any(packet.id == self._id for packet in self._pending):
                return self._id


async def _close(writer: "Any") -> None:
    try:
        writer.close()
        await writer.wait_closed()
    except OSError:
        pass


def _back_off_ms(failures: int) -> int:
    """Doubling, half of it random, so that the bands of a broker come back one by one."""
    most = min(_BACK_OFF_FIRST_MS << min(failures, 10), _BACK_OFF_MAX_MS)
    return most // 2 + random.getrandbits(16) * most // 2 // 0xFFFF
