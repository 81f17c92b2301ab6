# SPDX-License-Identifier: Apache-2.0
"""Freezes the processes of a test run at random, as a busy host does: no promise of a test may
hang on the machine's speed. `pytest --stalls` starts it beside the tests."""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Generator

_STALL_S = (0.02, 0.4)  # shortest and longest; the shorter the more frequent
_LOOK_EVERY_S = 0.4  # for new processes


@contextlib.contextmanager
def beside_us(gap_s: float) -> Generator[None]:
    """Freeze each process that we start, about every `gap_s`, until we leave."""
    command = [sys.executable, "-m", "tests.support.stalls", str(os.getpid()), str(gap_s)]
    with subprocess.Popen(command, start_new_session=True) as child:
        try:
            yield
        finally:
            child.terminate()


class Stalls:
    """What is frozen, and who is next."""

    def __init__(self, root: psutil.Process, gap_s: float) -> None:
        self.count = 0
        self.seconds = 0.0  # of all processes together
        self._root = root
        self._gap_s = gap_s
        self._known: set[psutil.Process] = set()
        # When, a number that no two share, whom, and whether to stop it or to let it go on.
        self._due: list[tuple[float, float, psutil.Process, bool]] = []

    def run(self) -> None:
        """Until the root ends, or SIGTERM; nothing stays frozen."""
        looked_s = -math.inf
        try:
            while self._root.is_running():
                if time.monotonic() - looked_s > _LOOK_EVERY_S:
                    looked_s = time.monotonic()
                    self._look()
                while self._due and self._due[0][0] <= time.monotonic():
                    self._turn(*heapq.heappop(self._due)[2:])
                time.sleep(0.005)
        finally:
            for _, _, process, stop in self._due:
                if not stop:
                    _signal(process, signal.SIGCONT)

    def _look(self) -> None:
        family = set(self._root.children(recursive=True)) - {psutil.Process()}
        for process in family - self._known:
            self._plan(random.uniform(0, self._gap_s), process, stop=True)
        self._known = family

    def _turn(self, process: psutil.Process, stop: bool) -> None:
        wait_s = random.expovariate(1 / self._gap_s)
        if stop:
            wait_s = math.exp(random.uniform(*map(math.log, _STALL_S)))
            self.count += 1
            self.seconds += wait_s
        if _signal(process, signal.SIGSTOP if stop else signal.SIGCONT):
            self._plan(wait_s, process, not stop)

    def _plan(self, in_s: float, process: psutil.Process, stop: bool) -> None:
        heapq.heappush(self._due, (time.monotonic() + in_s, random.random(), process, stop))


def _signal(process: psutil.Process, number: int) -> bool:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stalls = Stalls(psutil.Process(int(sys.argv[1])), float(sys.argv[2]))
    with contextlib.suppress(KeyboardInterrupt):
        stalls.run()
    sys.stderr.write(f"stalls: {stalls.count}, {stalls.seconds:.0f} s of all processes\n")
