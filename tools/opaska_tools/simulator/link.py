# SPDX-License-Identifier: Apache-2.0
"""The radio path between a band and its broker: a TCP proxy that can be cut, restored and slowed.

Cut in silence it holds what it gets, as a network out of reach leaves TCP to resend it, and nobody
is told; what the band gives up meanwhile, the broker never hears of. Cut with a reset both ends
learn it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Literal, Protocol, Self, cast

from opaska_tools.simulator.mqtt_watch import Debts
from opaska_tools.simulator.timekeeper import RealTime

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opaska_tools.simulator.timekeeper import Timekeeper

UP = 0  # from the band
DOWN = 1
_HELD_MAX = 1 << 20  # bytes a path holds back before its connection breaks
_LINGER_RST = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close() sends a reset


class Gate(Protocol):
    """hardware/simulated/chips/eg915u_radio.py"""

    def carries(self, direction: int) -> bool: ...


class LinkProxy:
    """Listens on `address` and forwards to `target`. Counts bytes and connections."""

    def __init__(self, target: tuple[str, int], timekeeper: Timekeeper | None = None) -> None:
        self.target = target
        self.timekeeper = timekeeper or RealTime()
        self.address: tuple[str, int] = ("", 0)
        self.bytes = [0, 0]  # forwarded up, down
        self.connections = 0  # since the start
        self.activity = 0  # changes whenever anything happens
        self.on_activity: Callable[[], None] | None = None  # told before it has effects
        self.delay_ms = 0.0
        self.bytes_per_s: float | None = None
        self.is_cut: Literal["silence", "reset"] | None = None
        self.radio: Gate | None = None  # what the modem lets through
        self.open: set[Connection] = set()
        self.orphans: set[Connection] = set()  # whose band ended without closing them
        self._server: asyncio.Server | None = None

    @property
    def pending(self) -> int:
        """Answers and connections under way that need no time to pass."""
        return sum(connection.pending for connection in self.open)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self).sides[UP], "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = (host, port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in [*self.open, *self.orphans]:
            connection.close()

    def cut(self, how: Literal["silence", "reset"] = "silence") -> None:
        """Nothing passes any more."""
        self.is_cut = how
        self.noticed()
        if how == "reset":
            self.reset_connections()

    def restore(self) -> None:
        """All is well again; what was held in silence goes on its way."""
        self.is_cut = None
        self.noticed()
        self.pump()

    def pump(self) -> None:
        """Forward whatever may pass now."""
        for connection in list(self.open):
            connection.pump()

    def forget(self) -> None:
        """As a network's address translation after a long silence: what is open now leads nowhere,
        and nobody is told; new connections work."""
        for connection in list(self.open):
            connection.is_forgotten = True

    def slow(self, delay_ms: float = 0.0, bytes_per_s: float | None = None) -> None:
        """Delay everything from now on and limit its rate; without arguments: fast again."""
        self.delay_ms, self.bytes_per_s = delay_ms, bytes_per_s

    def lets_by(self, direction: int) -> bool:
        """Whether the modem carries it now; if not, `pump` is called when it does."""
        return self.radio is None or self.radio.carries(direction)

    def noticed(self) -> None:
        """Something is happening."""
        self.activity += 1
        if self.on_activity:
            self.on_activity()

    def reset_connections(self) -> None:
        """Break every open connection, as a change of the network does."""
        for connection in list(self.open):
            connection.reset()

    def orphan_connections(self) -> None:
        """The band is gone without a word: the broker keeps its ends, as after a loss of power."""
        for connection in list(self.open):
            connection.orphan()

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


class Connection:
    """A connection of the band's and the one to the broker that belongs to it."""

    def __init__(self, link: LinkProxy) -> None:
        self.link = link
        self.sides = (_Side(self, UP), _Side(self, DOWN))  # where up comes in, where down comes in
        self._debts = Debts()
        self._queues: tuple[deque[tuple[float, bytes]], ...] = (deque(), deque())
        self._ends: list[bool] = [False, False]  # the sender of this direction has closed
        self._dialling: asyncio.Task[None] | None = None
        self._closed = False
        self.is_forgotten = False

    @property
    def pending(self) -> int:
        if self.link.is_cut or self.is_forgotten:
            return 0
        return self._debts.count + (self._dialling is not None and not self._dialling.done())

    def opened(self) -> None:
        """The band has connected."""
        self.link.connections += 1
        self.link.noticed()
        self.link.open.add(self)
        if self.link.is_cut == "reset":
            self.reset()
        self.pump()

    def came(self, direction: int, data: bytes) -> None:
        """Bytes arrived at the proxy."""
        link = self.link
        link.noticed()
        self._debts.came(direction, data)
        queue = self._queues[direction]
        now = link.timekeeper.now_ms()
        begin = max(now, queue[-1][0] - link.delay_ms) if queue else now
        airtime_ms = len(data) * 1000 / link.bytes_per_s if link.bytes_per_s else 0.0
        queue.append((begin + airtime_ms + link.delay_ms, data))
        if self in link.orphans:
            queue.clear()
        if sum(len(chunk) for _, chunk in queue) > _HELD_MAX:
            self.reset()
        self.pump()

    def ended(self, direction: int) -> None:
        """One end has closed; the other learns it after what is still under way."""
        self.link.noticed()
        if self in self.link.orphans and direction == UP:
            return
        self._ends[direction] = True
        if self._dialling is None:
            self.close()  # it came and went while nothing passed
        elif direction == UP and (self.link.is_cut or self.is_forgotten):
            self.orphan()
        self.pump()

    def pump(self) -> None:
        """Forward what is due."""
        link = self.link
        if link.is_cut or self._closed or self.is_forgotten:
            return
        if self._dialling is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        now = link.timekeeper.now_ms()
        for direction, queue in enumerate(self._queues):
            out = self.sides[1 - direction].transport
            while queue and queue[0][0] <= now and out is not None and link.lets_by(direction):
                self._forward(direction, out, queue.popleft()[1])
            if queue and queue[0][0] > now and out is not None:
                link.timekeeper.call_later(queue[0][0] - now, self.pump)
        if any(end and not queue for end, queue in zip(self._ends, self._queues, strict=True)):
            self.close()

    def reset(self) -> None:
        """Break it, with a TCP reset to both ends."""
        for side in self.sides:
            if side.transport is not None:
                raw = side.transport.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RST)
                side.transport.abort()
        self.close()

    def orphan(self) -> None:
        """Lose the band's end and keep the broker's, which hears nothing."""
        self.link.open.discard(self)
        self.link.orphans.add(self)
        self._queues[UP].clear()
        band = self.sides[UP].transport
        if band is not None:
            band.abort()

    def _forward(self, direction: int, out: asyncio.Transport, data: bytes) -> None:
        self.link.noticed()
        self.link.bytes[direction] += len(data)
        self._debts.left(direction, data)
        out.write(data)

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self.sides[DOWN], *self.link.target)
        except OSError:
            self.reset()
        self.link.noticed()
        self.pump()

    def close(self) -> None:
        """End it in good order."""
        self._closed = True
        self.link.noticed()
        self.link.open.discard(self)
        self.link.orphans.discard(self)
        if self._dialling is not None:
            self._dialling.cancel()
        for side in self.sides:
            if side.transport is not None:
                side.transport.close()


class _Side(asyncio.Protocol):
    """One end: bytes that come in here travel in `direction`."""

    def __init__(self, connection: Connection, direction: int) -> None:
        self.transport: asyncio.Transport | None = None
        self._connection = connection
        self._direction = direction

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        raw: socket.socket = transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._direction == UP:
            self._connection.opened()

    def data_received(self, data: bytes) -> None:
        self._connection.came(self._direction, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._connection.ended(self._direction)
