# SPDX-License-Identifier: Apache-2.0
"""One child process: its output line by line, its end in every case."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

LONGEST_LINE = 1 << 20  # bytes; a log line may carry a whole traceback
_KEPT_LINES = 400  # of output, to show when something went wrong
_GRACE_S = 8.0  # from SIGTERM to SIGKILL; the gateway itself needs at most 5


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent() -> None:
    """In the new process, before its program: whoever kills us with -9 ends it, too."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process(Protocol):
    """What is needed of an asyncio.subprocess.Process."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...
    def terminate(self) -> None: ...


class Launch(Protocol):
    """Starts a command in a session of its own, so that Ctrl-C reaches only us."""

    async def __call__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path | None, /
    ) -> Process: ...


async def execute(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None
) -> Process:
    """As a program of its own."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_die_with_parent,
        limit=LONGEST_LINE,
    )


launch: Launch = execute  # tests that start hundreds put a quicker one here


class ChildEnded(RuntimeError):
    """A child ended when it should have lived; the message shows its last lines."""


class Child:
    """A process started here, ended here. `on_line` sees every line of its output."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        on_line: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._command = [str(part) for part in command]
        self._on_line = on_line
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._killed = False
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it."""
        self._process = await launch(self._command, self._env, self._cwd)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            if self._on_line is not None:
                self._on_line(line)

    async def until(self, event: asyncio.Event, timeout_s: float, what: str) -> None:
        """Wait for `event`; ChildEnded if the process ends before, TimeoutError if it is slow."""
        assert self._reading is not None
        waiting = asyncio.create_task(event.wait())
        try:
            done, _ = await asyncio.wait(
                {waiting, self._reading},
                timeout=timeout_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
        if waiting in done:
            return
        if not done:
            raise TimeoutError(f"{what} within {timeout_s:.0f} s\n{self.tail()}")
        raise ChildEnded(f"{self._command[0]} ended instead of: {what}\n{self.tail()}")

    def tail(self, count: int = 20) -> str:
        """The last lines it wrote."""
        return "\n".join(list(self.lines)[-count:])

    def kill(self) -> None:
        """As kill -9 does; `stop` then only waits."""
        if self.running and not self._killed:
            self._killed = True
            os.kill(self.pid, signal.SIGKILL)

    async def ended(self, timeout_s: float) -> int:
        """Wait for its own end; its exit code, negative for a signal. TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(timeout_s):
            return await self._process.wait()

    async def stop(self) -> int | None:
        """End it: SIGTERM, then SIGKILL. Its exit code, None if it never ran."""
        if self._process is None:
            return None
        if self.running and not self._killed:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _GRACE_S)
            except TimeoutError:
                self.kill()
        code = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return code

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
