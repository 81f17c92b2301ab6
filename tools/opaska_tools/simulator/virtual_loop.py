# SPDX-License-Identifier: Apache-2.0
"""An asyncio event loop that lives in virtual time, for the gateway or anything else on CPython.

Where a loop would sleep until its next timer, this one tells the clock service when that is, and
goes on when it is told that the time has come. Work in threads counts as work: nothing rests while
an executor runs or the database's thread owes a result.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import math
import selectors
import socket
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

from opaska_tools.simulator.clock import NEVER, VIRTUAL_EPOCH_S

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Mapping
    from concurrent.futures import Executor

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREAD_BRIDGES = ("aiosqlite",)  # packages whose futures are set by threads of theirs


class ClockLink:
    """The connection to the clock service."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self.now_ms = 0
        self.token = 0
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self.sock.sendall(json.dumps({"name": name}).encode() + b"\n")
        self.receive()

    def receive(self) -> None:
        """Take what the service says; blocks when it has said nothing."""
        data = self.sock.recv(4096)
        if not data:
            raise ConnectionError("the clock service has ended")
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.now_ms, self.token = json.loads(line)

    def report(self, wake_ms: int) -> None:
        self.sock.sendall(b"[%d,%d]\n" % (wake_ms, self.token))


class VirtualSelector(selectors.BaseSelector):
    """A selector whose timeouts are virtual."""

    def __init__(self, link: ClockLink) -> None:
        self._link = link
        self._real = selectors.DefaultSelector()
        self._link_key = self._real.register(link.sock, selectors.EVENT_READ)
        self.busy = 0  # pieces of work under way outside the loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        link = self._link
        wake_ms = NEVER
        if timeout is not None:
            wake_ms = link.now_ms + math.ceil(timeout * 1000 - 1e-6)
        while True:
            ready = self._look(0)
            if ready or (wake_ms != NEVER and link.now_ms >= wake_ms):
                return ready
            if not self.busy:
                link.report(wake_ms)
            ready = self._look(None)
            if ready:
                return ready

    def _look(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready besides the clock, which is heard on the way."""
        ready = self._real.select(timeout)
        others = [event for event in ready if event[0].fd != self._link_key.fd]
        if len(others) < len(ready):
            self._link.receive()
        return others

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
        self._link.sock.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Joins the clock service at `address`. Also a source of time for opaska_gateway.clock."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        self._clock_link = ClockLink(address, name)
        self._virtual_selector = VirtualSelector(self._clock_link)
        super().__init__(self._virtual_selector)

    def time(self) -> float:
        return self._clock_link.now_ms / 1000

    def now_ms(self) -> int:
        """UTC in ms, virtual."""
        return VIRTUAL_EPOCH_S * 1000 + self._clock_link.now_ms

    def monotonic_s(self) -> float:
        return self.time()

    @contextlib.contextmanager
    def work(self) -> Generator[None]:
        """Time stands still meanwhile, although the loop seems to have nothing to do."""
        self._virtual_selector.busy += 1
        try:
            yield
        finally:
            self._virtual_selector.busy -= 1

    def create_future(self) -> asyncio.Future[Any]:
        future = super().create_future()
        frame = inspect.currentframe()
        caller = frame.f_back.f_globals.get("__name__", "") if frame and frame.f_back else ""
        if caller.partition(".")[0] in _THREAD_BRIDGES:
            self._count(future)
        return future

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._count(future)
        return future

    def _count(self, future: asyncio.Future[Any]) -> None:
        self._virtual_selector.busy += 1
        future.add_done_callback(self._counted)

    def _counted(self, _future: asyncio.Future[Any]) -> None:
        self._virtual_selector.busy -= 1


def run(main: Coroutine[Any, Any, Any], address: tuple[str, int], name: str) -> Any:
    """asyncio.run, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(address, name)) as runner:
        return runner.run(main)
