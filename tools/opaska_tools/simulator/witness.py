# SPDX-License-Identifier: Apache-2.0
"""Remembers what a board told and printed, and waits for what is to come."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from opaska_tools.simulator.circuit import FELT
from opaska_tools.simulator.records import Note, Signal, Start

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_tools.simulator.timekeeper import Timekeeper

T = TypeVar("T")

WAIT_S = 30.0  # an upper bound that a busy machine keeps; what must come sooner says so itself
_KEPT = 20_000  # of each kind, so that a long run stays small
_FULL_DUTY = 65535


class Witness:
    """Times in ms of the simulation's clock, waits in its seconds; all records are bounded."""

    def __init__(self, time: Timekeeper) -> None:
        self.time = time
        self.signals: deque[Signal] = deque(maxlen=_KEPT)
        self.notes: deque[Note] = deque(maxlen=_KEPT)
        self.starts: deque[Start] = deque(maxlen=_KEPT)
        self.log: deque[str] = deque(maxlen=_KEPT)  # lines of the console
        self.events: deque[dict[str, Any]] = deque(maxlen=_KEPT)  # everything else it told
        self.on_felt: Callable[[Signal | Note], None] | None = None  # for a live display
        self.on_printed: Callable[[str], None] | None = None
        self._watches: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    async def wait_signal(
        self,
        predicate: Callable[[Signal], bool],
        timeout_s: float = WAIT_S,
        since_ms: float = 0.0,
    ) -> Signal:
        """The first signal since then that fulfils the predicate."""
        return await self.until(
            lambda: next((s for s in self.signals if s.t_ms >= since_ms and predicate(s)), None),
            timeout_s,
            "a signal",
        )

    async def wait_note(self, name: str, timeout_s: float = WAIT_S, since_ms: float = 0.0) -> Note:
        """The first pattern of this name that began since then."""
        return await self.until(
            lambda: next((n for n in self.notes if n.t_ms >= since_ms and n.name == name), None),
            timeout_s,
            f"the signal {name!r}",
        )

    async def wait_event(self, timeout_s: float = WAIT_S, **fields: Any) -> dict[str, Any]:
        """The first event with these fields."""
        return await self.until(
            lambda: next((e for e in self.events if fields.items() <= e.items()), None),
            timeout_s,
            f"an event {fields}",
        )

    async def wait_log(self, text: str, timeout_s: float = WAIT_S) -> str:
        """The first printed line that contains the text."""
        return await self.until(
            lambda: next((line for line in self.log if text in line), None),
            timeout_s,
            f"a line with {text!r}",
        )

    async def until(self, find: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """What `find` finds, looked for again whenever something was told."""
        found = find()
        if found is not None:
            return found
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._watches.append((find, future))
        try:
            return await self.time.wait_for(future, timeout_s * 1000)
        except TimeoutError:
            last = "\n  ".join(list(self.log)[-20:])
            raise TimeoutError(
                f"{what} did not come in {timeout_s:g} s; printed:\n  {last}"
            ) from None
        finally:
            self._watches.remove((find, future))

    def noticed(self) -> None:
        """Something changed: whoever waits looks again."""
        for find, future in self._watches:
            if not future.done():
                found = find()
                if found is not None:
                    future.set_result(found)

    def saw(self, event: dict[str, Any]) -> None:
        """Record what the board told."""
        felt: Signal | Note | None = None
        if "out" in event:
            if event["out"] not in FELT:
                return
            duty = event["duty"] / _FULL_DUTY
            felt = Signal(event["t"], FELT[event["out"]], duty, event["hz"])
            self.signals.append(felt)
        elif "note" in event:
            felt = Note(event["t"], event["note"])
            self.notes.append(felt)
        else:
            self.events.append(event)
        if felt and self.on_felt:
            self.on_felt(felt)
        self.noticed()

    def printed(self, line: str) -> None:
        self.log.append(line)
        if self.on_printed:
            self.on_printed(line)
        self.noticed()

    def went_dark(self) -> None:
        """No processor drives the outputs any more."""
        last = {signal.output: signal.duty for signal in self.signals}
        for gpio, name in FELT.items():
            if last.get(name):
                self.saw({"t": self.time.now_ms(), "out": gpio, "duty": 0, "hz": 0})
