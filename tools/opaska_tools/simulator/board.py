# SPDX-License-Identifier: Apache-2.0
"""A simulated board's processor: one MicroPython process from reset to reset, its control line and
its part in virtual time. What happens between two lives is band.py's decision."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opaska_tools import firmware_build
from opaska_tools.simulator import places
from opaska_tools.simulator.control import ControlLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from pathlib import Path

    from opaska_tools.simulator.band import SimulatedBand
    from opaska_tools.simulator.clock import ClockService

_HARD_RESET = 2
_WATCHDOG = 3
_HARD_RESET_EXIT = 42  # a program that ended itself so means machine.reset()
_START_S = 20.0  # real time for MicroPython to start and connect
_GRACE_MS = 2000  # on top of the watchdog's time, for a busy machine


@dataclass(frozen=True, slots=True)
class End:
    """How a life of the processor ended."""

    reset: int = 0  # machine.reset_cause() of the next life
    sleep_ms: int | None = None  # deep sleep; 0: until a pin wakes it
    wakers: list[list[int]] = field(default_factory=list[list[int]])
    power_lost: bool = False
    exit_code: int = 0  # of a program that just ended


class Board:
    """The processor of `band`; `on_end` hears of every end that `kill` has not brought about."""

    def __init__(
        self,
        band: SimulatedBand,
        on_end: Callable[[End], Awaitable[None]],
        *,
        heap: str,
        clock: ClockService | None,
        program: Path,
        path: tuple[Path, ...],
        linked: bool,
    ) -> None:
        self._band = band
        self._on_end = on_end
        self._heap = heap
        self._program = program
        self._path = path
        self._linked = linked
        self._clock = clock
        self._member = clock.join(f"band {band.folder.name}") if clock else None
        self._server: asyncio.Server | None = None
        self._line: ControlLine | None = None
        self._connected = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._guard: asyncio.Task[None] | None = None
        self._last_words: dict[str, Any] = {}
        self._alive = 0  # last poke that was answered
        self.wakes = 0  # virtual time: moments for which it had waited
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new_line, "127.0.0.1", 0)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._clock and self._member:
            self._clock.leave(self._member)

    async def start(self, start: dict[str, Any]) -> None:
        """Out of reset. `start` is what hardware/simulated/power.py needs to know of it."""
        self._last_words = {}
        self._connected.clear()
        if self._clock and self._member:
            start |= {"now": self._clock.now_ms(), "token": self._clock.token}
            self._member.expect(self._clock.token)
        self._process = await asyncio.create_subprocess_exec(
            places.micropython(),
            *("-X", f"heapsize={self._heap}"),
            *("-c", f"import bootloader; del bootloader; import {self._program.stem}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C at our terminal is not for the band
            env=self._environment(start),
        )
        self._life = asyncio.create_task(self._live(self._process))

    async def kill(self) -> None:
        """No more power; also to a life that is just beginning."""
        life: asyncio.Task[None] | None = None
        while self._life is not life:
            life = self._life
            self._kill_process()
            if life and life is not asyncio.current_task():
                await life

    async def command(self, message: dict[str, Any]) -> None:
        """Do something to the board, once it is there."""
        await asyncio.wait_for(self._connected.wait(), _START_S)
        self.send(message)

    def send(self, message: dict[str, Any]) -> None:
        """Do something to the board if it is there."""
        if self._line:
            if self._clock and "answer" not in message:  # it waits for that, and is at work
                self._clock.touch(self._member)
            self._line.send(message)

    def soon(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it beside, until `close`."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _environment(self, start: dict[str, Any]) -> dict[str, str]:
        assert self._server
        board = firmware_build.built(places.BOARD, link=self._linked)
        folders = [] if self._program == places.MAIN else [self._program.parent]
        path = ["/board", *map(str, [*folders, *self._path]), "/rom", ".frozen"]
        return {
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": str(board / "files"),  # the bootloader; from there on OPASKA_SIM_PATH
            "OPASKA_SIM_BOARD": str(board),
            "OPASKA_SIM_ROM": str(firmware_build.built(*firmware_build.BAND, link=self._linked)),
            "OPASKA_SIM_PATH": ":".join(path),
            "OPASKA_SIM_DIR": str(self._band.folder),
            "OPASKA_SIM_START": json.dumps(start),
            "OPASKA_SIM_CLOCK": "virtual" if self._clock else "real",
            "OPASKA_SIM_CONTROL": "{}:{}".format(*self._server.sockets[0].getsockname()),
            "OPASKA_SIM_PROXY": "{}:{}".format(*self._band.link.address),
        }

    def _kill_process(self) -> None:
        # Not by Process.kill: that reaps a process that has just ended, and its exit code is lost.
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def _live(self, process: asyncio.subprocess.Process) -> None:
        """From reset to the end, whatever that is."""
        assert process.stdout
        while raw := await _read_line(process.stdout):
            self._band.printed(raw.decode(errors="replace").rstrip())
        code = await process.wait()
        if self._guard:
            self._guard.cancel()
        self._line = None
        self._band.went_dark()
        self._band.circuit.wiring.processor_reset()
        end = self._how(code)
        if self._member:
            self._member.gone()
        await self._on_end(end)

    def _how(self, code: int) -> End:
        said = self._last_words
        if "sleep" in said:
            return End(sleep_ms=said["sleep"], wakers=said["wakers"])
        if "reset" in said or code == _HARD_RESET_EXIT:
            return End(reset=said.get("reset", _HARD_RESET))
        return End(power_lost=code == -signal.SIGKILL, exit_code=code)

    def _new_line(self) -> ControlLine:
        return ControlLine(self._told, self._reported, self._opened)

    def _opened(self, line: ControlLine) -> None:
        self._line = line
        if self._member:
            self._member.tell = line.tell_time
        self._connected.set()

    def _reported(self, wake_ms: int, token: int) -> None:
        if self._clock and self._member:
            self.wakes += 0 <= self._member.wake_ms <= self._clock.now_ms()
            self._member.report(wake_ms, token)

    def _told(self, event: dict[str, Any]) -> None:
        if "alive" in event:
            self._alive = event["alive"]
        elif "watchdog_ms" in event:
            self._guard = asyncio.create_task(self._guard_against_loops(event["watchdog_ms"]))
        elif "reset" in event or "sleep" in event or "cut" in event:
            self._end(event)
        else:
            if event.get("ppp") is False:
                self._band.link.reset_connections()
            if not self._band.circuit.told(event) or "out" in event:
                self._band.saw(event)

    def _end(self, last_words: dict[str, Any]) -> None:
        self._last_words = last_words
        self._band.link.orphan_connections()
        if "cut" not in last_words:
            self._kill_process()

    async def _guard_against_loops(self, watchdog_ms: int) -> None:
        """A watchdog also ends a program that never waits, and so never hears its simulation."""
        while True:
            poke = self._alive + 1
            self.send({"poke": poke})
            await asyncio.sleep((watchdog_ms + _GRACE_MS) / 1000)
            if self._alive < poke:
                self._end({"reset": _WATCHDOG})
                return


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line, or a piece of one that is too long."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.read(error.consumed or 1)
