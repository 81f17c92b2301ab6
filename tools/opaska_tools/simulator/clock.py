# SPDX-License-Identifier: Apache-2.0
"""Virtual time for bands and gateway: it moves to the next deadline only when nothing can happen
before. A day takes seconds, and no time-out is false.

Members (boards, an event loop of virtual_loop.py) report [wake_ms, token] when they have nothing
left to do, and are told [now_ms, token] when their time has come or when bytes may reach them.
Time moves when every member that was told has answered with the same token, no byte has passed a
proxy since everybody was asked, and no answer is owed; and only while somebody waits for it
(`sleep`, `wait_for`), so a test holds the reins.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType

    from opaska_tools.simulator.timekeeper import Cancellable

T = TypeVar("T")

VIRTUAL_EPOCH_S = 1_767_225_600  # 2026-01-01T00:00:00Z: what the true time is at 0 ms
NEVER = -1
_SETTLE_S = 0.003  # real time for a broker to pass on what it has acknowledged
_OWED_S = 1.0  # real time after which an answer that is owed is not expected any more
_STUCK_S = 60.0  # real time in which every member must come to rest
_LOOP_TURNS = 8  # for a connection opened, or a line printed, before the last report
_LAST_LOOK_S = 0.05  # real time for what was waited for to be noticed, before it is called late


class Probe(Protocol):
    """Something that bytes pass through (link.py); tells before it passes them on."""

    on_activity: Callable[[], None] | None

    @property
    def activity(self) -> int: ...
    @property
    def pending(self) -> int: ...


class Member:
    """One who takes part. `tell` is None while there is nobody to be told."""

    def __init__(self, name: str, on_rest: Callable[[], None]) -> None:
        self.name = name
        self.tell: Callable[[int, int], None] | None = None
        self.wake_ms = NEVER
        self.late = False  # it was not told the present time
        self._on_rest = on_rest
        self._awaited: int | None = None  # token of the report that is due

    @property
    def at_rest(self) -> bool:
        return self._awaited is None

    def expect(self, token: int) -> None:
        """It is at work, and will report with this token."""
        self._awaited = token

    def report(self, wake_ms: int, token: int) -> None:
        """It has nothing to do before `wake_ms`."""
        if token == self._awaited:
            self.wake_ms = wake_ms
            self._awaited = None
            self._on_rest()

    def gone(self) -> None:
        """There is nobody any more."""
        self.tell = None
        self.wake_ms = NEVER
        self._awaited = None
        self._on_rest()


class _Alarm:
    def __init__(self, function: Callable[[], None]) -> None:
        self.function: Callable[[], None] | None = function

    def cancel(self) -> None:
        self.function = None


class ClockService:
    """The clock. A `Timekeeper`; `address` is where event loops in other processes join."""

    def __init__(self) -> None:
        self.token = 0
        self.address: tuple[str, int] = ("", 0)
        self.steps = 0  # how often time has moved
        self._now_ms = 0
        self._members: set[Member] = set()
        self._probes: list[Probe] = []
        self._alarms: list[tuple[int, int, _Alarm]] = []
        self._numbers = itertools.count()
        self._rest = asyncio.Event()
        self._limits: dict[asyncio.Future[None], int] = {}  # of those who wait for time to pass
        self._driver: asyncio.Task[None] | None = None
        self._touched: set[Member] = set()  # who got work since everybody was last asked
        self._seen = -1  # activity of the probes then
        self._server: asyncio.Server | None = None

    # --- for those who wait ---

    def now_ms(self) -> int:
        return self._now_ms

    def utc_ms(self) -> int:
        """The true time."""
        return VIRTUAL_EPOCH_S * 1000 + self._now_ms

    def call_later(self, ms: float, function: Callable[[], None]) -> Cancellable:
        """Call it when `ms` have passed."""
        alarm = _Alarm(function)
        due = self._now_ms + max(0, round(ms))
        heapq.heappush(self._alarms, (due, next(self._numbers), alarm))
        return alarm

    async def wait_for(self, awaitable: Awaitable[T], within_ms: float) -> T:
        """Let time pass until the awaitable is done; TimeoutError after `within_ms` of it."""
        waiting = asyncio.ensure_future(awaitable)
        late = asyncio.get_running_loop().create_future()
        alarm = self.call_later(within_ms, lambda: _resolve(late))
        self._limits[late] = self._now_ms + round(within_ms)
        self.touch()
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        try:
            await asyncio.wait({waiting, late, self._driver}, return_when=asyncio.FIRST_COMPLETED)
            if self._driver.done() and not waiting.done():
                self._driver.result()
            if not waiting.done():
                raise TimeoutError(f"not within {within_ms:.0f} ms of virtual time")
            return waiting.result()
        finally:
            del self._limits[late]
            alarm.cancel()
            if not waiting.done():
                waiting.cancel()

    async def sleep(self, ms: float) -> None:
        """Let so much time pass."""
        done = asyncio.get_running_loop().create_future()
        self.call_later(ms, lambda: _resolve(done))
        await self.wait_for(done, ms + 1)

    run_for = sleep

    # --- for those who take part ---

    async def joined(self, name: str) -> None:
        """Wait, in real time, until a member of this name takes part."""
        async with asyncio.timeout(_STUCK_S):
            while not any(member.name == name for member in self._members):
                self._rest.clear()
                await self._rest.wait()

    def join(self, name: str) -> Member:
        """A member from now on."""
        member = Member(name, self._rest.set)
        self._members.add(member)
        self._rest.set()
        return member

    def leave(self, member: Member) -> None:
        self._members.discard(member)
        self._rest.set()

    def touch(self, member: Member | None = None) -> None:
        """Somebody is about to give this member, or any, work other than by letting time pass."""
        touched = self._members if member is None else {member}
        self._touched |= touched
        late = [member for member in touched if member.late]
        if late:
            self._tell(late)

    def watch(self, probe: Probe) -> None:
        """Time stands still while bytes pass it or answers are owed on it."""
        self._probes.append(probe)
        probe.on_activity = self.touch

    def forget(self, probe: Probe) -> None:
        self._probes.remove(probe)
        probe.on_activity = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _LoopMember(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = (host, port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._driver is not None:
            self._driver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._driver

    # --- how time moves ---

    async def _drive(self) -> None:
        while self._limits:
            await self._all_at_rest()
            if self._activity() != self._seen:
                self._seen = self._activity()
                await asyncio.sleep(_SETTLE_S)
                self._tell(self._members)
            elif self._touched:
                touched, self._touched = self._touched & self._members, set()
                self._tell(touched)
            elif await self._nothing_owed() and self._limits and not self._touched:
                if await self._is_anybody_late():
                    continue
                self._move()

    def _tell(self, members: Iterable[Member]) -> None:
        """Tell them the time; they owe a report for it."""
        self.token += 1
        for member in members:
            member.late = False
            if member.tell is not None:
                member.expect(self.token)
                member.tell(self._now_ms, self.token)

    async def _all_at_rest(self) -> None:
        try:
            async with asyncio.timeout(_STUCK_S):
                while not all(member.at_rest for member in self._members):
                    self._rest.clear()
                    await self._rest.wait()
        except TimeoutError:
            names = [member.name for member in self._members if not member.at_rest]
            raise TimeoutError(f"never came to rest: {', '.join(names)}") from None
        for _ in range(_LOOP_TURNS):
            await asyncio.sleep(0)

    async def _nothing_owed(self) -> bool:
        """Whether all answers have come, or are not expected any more."""
        patience_s = _OWED_S
        while patience_s > 0 and any(probe.pending for probe in self._probes):
            await asyncio.sleep(0.001)
            patience_s -= 0.001
            if self._activity() != self._seen:
                return False
        return True

    async def _is_anybody_late(self) -> bool:
        """Whether something came at the last moment, before a wait is given up."""
        if not self._limits or min(self._limits.values()) > self._next_ms():
            return False
        waits = dict(self._limits)
        await asyncio.sleep(_LAST_LOOK_S)
        return self._limits != waits or bool(self._touched) or self._activity() != self._seen

    def _next_ms(self) -> int:
        """When something is due."""
        times = [member.wake_ms for member in self._members if member.wake_ms != NEVER]
        return min([*times, *(alarm[0] for alarm in self._alarms[:1])])

    def _activity(self) -> int:
        return sum(probe.activity for probe in self._probes)

    def _move(self) -> None:
        """To the next deadline: those are told whose time has come, and alarms ring."""
        self._now_ms = max(self._now_ms, self._next_ms())
        self.steps += 1
        for member in self._members:
            member.late = True
        self._tell([m for m in self._members if NEVER != m.wake_ms <= self._now_ms])
        while self._alarms and self._alarms[0][0] <= self._now_ms:
            function = heapq.heappop(self._alarms)[2].function
            if function is not None:
                function()

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


class _LoopMember(asyncio.Protocol):
    """An event loop in another process or thread, at the service's address."""

    def __init__(self, clock: ClockService) -> None:
        self._clock = clock
        self._member: Member | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if self._member is None:
                self._member = self._clock.join(message["name"])
                self._member.tell = self._tell
                self._member.expect(self._clock.token)
                self._tell(self._clock.now_ms(), self._clock.token)
            else:
                self._member.report(*message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._member is not None:
            self._member.gone()
            self._clock.leave(self._member)

    def _tell(self, now_ms: int, token: int) -> None:
        self._transport.write(b"[%d,%d]\n" % (now_ms, token))


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
