# SPDX-License-Identifier: Apache-2.0
"""One MQTT connection to the broker: paho on the event loop, reconnecting for ever.

paho's own thread costs three times the CPU per message (measured: 114 against 39 microseconds), so
the loop watches its socket. Messages are acknowledged by hand, on the connection they came on.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from opaska_gateway import clock
from opaska_gateway.intake.reconnect import Backoff
from opaska_gateway.logs import get_logger

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

KEEPALIVE_S: Final = 20  # a dead broker or path is noticed after 1.5 times this
CONNECT_S: Final = 5.0  # for TCP, TLS and CONNACK; SUBACK may queue behind all that was kept
MISC_EVERY_S: Final = 1.0  # paho's keepalive is looked after this often
READS_A_TURN: Final = 64  # packets, before others have their turn on the loop
QUEUED_REPLIES: Final = 1_000  # of QoS 1 while the broker is away; more are told at heartbeats

log = get_logger()


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """How one connection to the broker is doing."""

    name: str
    up: bool
    for_s: float  # it has been so for that long
    problem: str  # why it is not up


class MqttLink:
    """One connection with its subscription. `up` is set while it is subscribed."""

    def __init__(
        self,
        client_id: str,
        topic: str,
        on_message: Callable[[MQTTMessage, Callable[[], None]], None],
    ) -> None:
        self.client_id = client_id
        self.up = asyncio.Event()
        self._topic = topic
        self._address = ""  # for the log
        self._on_message = on_message
        self._greeted = asyncio.Event()  # CONNACK said yes
        self._lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._epoch = 0  # counts connections: an old one's messages are not acknowledged on a new
        self._received = 0
        self._socket: Any = None  # paho hands it out; the loop only watches it
        self._is_paused = False
        self._problem = "not connected yet"
        self._changed_s = clock.monotonic_s()  # when it was last up and was not, or the reverse
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=False, manual_ack=True
        )
        self._client.max_queued_messages_set(QUEUED_REPLIES)
        self._client.max_inflight_messages_set(QUEUED_REPLIES)
        self._client.connect_timeout = CONNECT_S
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came

    def sign_in(self, username: str | None, password: str | None) -> None:
        """Use a password."""
        self._client.username_pw_set(username, password)

    def protect(self, tls: ssl.SSLContext) -> None:
        """Use TLS."""
        self._client.tls_set_context(tls)  # pyright: ignore[reportUnknownMemberType]

    def health(self, name: str) -> LinkHealth:
        """As of now."""
        for_s = clock.monotonic_s() - self._changed_s
        return LinkHealth(name, self.up.is_set(), for_s, self._problem)

    async def run(self, host: str, port: int) -> None:
        """Stay connected, for ever."""
        self._address = f"{host}:{port}"
        self._client.connect_async(host, port, keepalive=KEEPALIVE_S)
        backoff = Backoff()
        try:
            while True:
                held_s = await self._connection()
                await asyncio.sleep(backoff.pause_s(held_s))
        finally:
            self._drop()

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Send; what cannot be sent now is lost at QoS 0 and queued (bounded) at QoS 1."""
        self._client.publish(topic, payload, qos)

    def pause(self) -> None:
        """Read nothing more for now: the broker keeps it."""
        if not self._is_paused and self._socket is not None:
            self._loop.remove_reader(self._socket)
        self._is_paused = True

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and self._socket is not None:
            self._loop.add_reader(self._socket, self._read)
            self._loop.call_soon(self._read)  # what came before the pause may wait inside TLS
        self._is_paused = False

    async def _connection(self) -> float:
        """One connection from its beginning to its end; how long it was up, in seconds."""
        self._lost.clear()
        self._greeted.clear()
        self._client.on_disconnect = self._disconnected
        try:  # paho connects with blocking calls, and writes CONNECT before it returns
            await self._loop.run_in_executor(None, self._client.reconnect)
            self._watch()
            async with asyncio.timeout(CONNECT_S):
                await _first(self._greeted.wait(), self._lost.wait())
        except (OSError, ValueError, TimeoutError) as error:
            self._note_problem(str(error) or "no answer")
        began_s = clock.monotonic_s()
        if self._greeted.is_set():
            await self._look_after()
        held_s = clock.monotonic_s() - began_s if self.up.is_set() else 0.0
        self._drop()
        return held_s

    async def _look_after(self) -> None:
        """Keep the connection alive until it is lost."""
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(MISC_EVERY_S):
                    await self._lost.wait()
            except TimeoutError:
                self._client.loop_misc()

    def _watch(self) -> None:
        self._socket = self._client.socket()
        if self._socket is None:
            self._lost.set()
            return
        # Nagle would hold an answer back until the broker's delayed ACK of the PUBACK: 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.on_socket_close = self._unwatch  # before paho closes it: later it has no fd
        self._client.on_socket_register_write = self._want_write
        self._client.on_socket_unregister_write = self._enough_written
        if not self._is_paused:
            self._loop.add_reader(self._socket, self._read)
        if self._client.want_write():
            self._want_write()

    def _drop(self) -> None:
        """End the connection, whoever ended it first."""
        self._client.on_disconnect = None
        self._client.on_socket_close = None
        self._client.on_socket_register_write = None
        self._client.on_socket_unregister_write = None
        self._unwatch()
        self._client.disconnect()  # closes the socket, if it is still open
        if self.up.is_set():
            self._changed_s = clock.monotonic_s()
        self.up.clear()
        self._epoch += 1

    def _unwatch(self, *_: object) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = None

    def _read(self) -> None:
        if self._is_paused or self._socket is None:  # since this turn was asked for
            return
        for _ in range(READS_A_TURN):
            before = self._received
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or self._is_paused:
                return
            if self._received == before and not self._has_more():
                return
        if self._has_more():  # inside TLS, where the loop cannot see it
            self._loop.call_soon(self._read)

    def _has_more(self) -> bool:
        pending: Callable[[], int] | None = getattr(self._socket, "pending", None)
        return pending is not None and pending() > 0

    def _want_write(self, *_: object) -> None:
        if self._socket is not None:
            self._loop.add_writer(self._socket, self._write)

    def _enough_written(self, *_: object) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _write(self) -> None:
        self._client.loop_write()

    # paho's callbacks, all on the loop except during `reconnect`

    def _connected(self, client: Client, _data: Any, flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._note_problem(f"the broker refused the connection: {reason}")
            self._lost.set()
            return
        self._greeted.set()
        client.subscribe(self._topic, qos=1)
        if flags.session_present:  # the broker kept the subscription, and what came meanwhile
            self._is_up()

    def _subscribed(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _more: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._note_problem(f"the broker refused the subscription to {self._topic}")
            self._lost.set()
            return
        self._is_up()

    def _is_up(self) -> None:
        if self._problem:
            log.info("broker_connected", connection=self.client_id)
        self._problem = ""
        if not self.up.is_set():
            self._changed_s = clock.monotonic_s()
        self.up.set()

    def _disconnected(self, _c: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if not self._lost.is_set():  # else it has been told why
            self._note_problem(f"the connection was lost: {reason}")
        self._loop.call_soon_threadsafe(self._lost.set)  # `reconnect` runs in a thread

    def _came(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        self._received += 1
        epoch = self._epoch

        def acknowledge() -> None:
            if epoch == self._epoch:
                client.ack(message.mid, message.qos)

        self._on_message(message, acknowledge)

    def _note_problem(self, problem: str) -> None:
        if problem != self._problem:  # a broker that stays away is named once
            log.warning(
                "no_broker", connection=self.client_id, address=self._address, problem=problem
            )
        self._problem = problem


async def _first(*waits: Any) -> None:
    """Wait for any of these."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
