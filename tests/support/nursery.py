# SPDX-License-Identifier: Apache-2.0
"""Quick children: gateways and commands are forked from a Python that has imported them already.

To start Python and import takes each more than a second of CPU, and the journeys start hundreds.
What is forked (preloaded.py) runs the same `main`; it is our child as any other, and dies with us.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from opaska_tools.stage import child
from opaska_tools.stage.gateway import OPASKA

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

_PROGRAM = Path(__file__).with_name("preloaded.py")
_SUBREAPER = 36  # prctl(2): orphans of our children become our children


@contextmanager
def nursery() -> Generator[None]:
    """Meanwhile children that are Python are forked, on Linux; elsewhere they start as ever."""
    if sys.platform != "linux":
        yield
        return
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, _preloaded(theirs):
        assert ours.recv(8) == b"ready"
        fork = _Fork(ours)
        child.launch = fork
        try:
            yield
        finally:
            child.launch = child.execute
            ours.close()


@contextmanager
def _preloaded(line: socket.socket) -> Generator[None]:
    with line:
        command = [sys.executable, "-P", str(_PROGRAM), str(line.fileno())]
        process = subprocess.Popen(command, pass_fds=[line.fileno()], start_new_session=True)
    try:
        yield
    finally:
        process.wait()


class _Fork:
    """A `child.Launch`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    async def __call__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path | None
    ) -> child.Process:
        if command[0] not in (str(OPASKA), sys.executable):
            return await child.execute(command, environment, folder)
        order = {
            "command": command,
            "environment": dict(environment),
            "folder": str(folder or Path.cwd()),
        }
        reading, writing = os.pipe()
        socket.send_fds(self._line, [json.dumps(order).encode()], [writing])
        os.close(writing)
        pid = int(self._line.recv(16))
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(child.LONGEST_LINE)
        await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        return _Forked(pid, reader)


class _Forked:
    """A `child.Process`."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._handle, self._reap)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._ended.set()
