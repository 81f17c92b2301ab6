# SPDX-License-Identifier: Apache-2.0
"""The real gateway, except that it kills itself at one place of its pipeline, or has a bug.

Run as `doomed_gateway.py PHASE DONE DELAY_S BUG --config FILE`. It dies as by kill -9 when a batch
comes to that place while a file `die` stands beside its settings; with a bug that dies, when a
fall is raised, or a silent band told, while `die_raising` stands there.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opaska_gateway import context, service
from opaska_gateway.bands import Bands
from opaska_gateway.commands.serve import serve
from opaska_gateway.database import falls
from opaska_gateway.pipeline import AFTER, BEFORE, TOGETHER, Pipeline
from opaska_gateway.steps.acknowledge import acknowledge
from opaska_gateway.watch import raise_falls, silence_faults
from opaska_gateway.watch.silence_faults import SilenceFaults

if TYPE_CHECKING:
    from types import ModuleType

    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context
    from opaska_gateway.database.engine import Database
    from opaska_gateway.vault import Vault

Steps = dict[str, list[Any]]
ANSWERS_LEAVE_S = 0.1
MOST_PAGES = 1_073_741_823  # SQLite's own limit


def main() -> None:
    """Take the real gateway apart at one place and run it."""
    phase, done, delay_s, bug, _, config = sys.argv[1:]
    flags = Path(config).parent
    steps: Steps = {"before": [*BEFORE], "together": [*TOGETHER], "after": [*AFTER]}
    BUGS[bug](steps, flags)
    steps[phase].insert(int(done), _killer(phase, float(delay_s), flags / "die"))

    def doomed(shared: Context) -> Pipeline:
        return Pipeline(shared, **steps)

    _put(service, "Pipeline", doomed)
    serve(Path(config))


def _killer(phase: str, delay_s: float, die_file: Path) -> Any:
    """A step that ends the process when it is told to."""

    def die(batch: Batch, *_: object) -> None:
        if not die_file.exists():
            return
        if phase == "after" and not batch.fresh:  # only repeats: nothing was committed
            return
        kill = partial(os.kill, os.getpid(), signal.SIGKILL)
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, kill)
        else:
            kill()

    async def die_async(batch: Batch, *_: object) -> None:
        die(batch)

    return die_async if phase == "before" else die


def _answer_before_commit(steps: Steps, _flags: Path) -> None:
    """Bands hear of reports that may never be stored."""
    steps["after"].remove(acknowledge)
    loop: list[asyncio.AbstractEventLoop] = []

    async def note_loop(*_: object) -> None:
        loop[:] = [asyncio.get_running_loop()]

    def answer(batch: Batch, shared: Context, _: Connection) -> None:
        loop[0].call_soon_threadsafe(acknowledge, batch, shared)
        time.sleep(ANSWERS_LEAVE_S)  # this is the thread of the database

    steps["before"].insert(0, note_loop)
    steps["together"].append(answer)


def _one_salt(_: Steps, _flags: Path) -> None:
    """Every process seals under the same keys, and counts from 1 on."""

    def forgetful(database: Database, vault: Vault, _: bytes) -> Bands:
        return Bands(database, vault, bytes(8))

    _put(context, "Bands", forgetful)


def _full(steps: Steps, flags: Path) -> None:
    """The database may not grow while the file `full` is there."""

    def limit(_batch: Batch, _shared: Context, connection: Connection) -> None:
        pages = 1 if (flags / "full").exists() else MOST_PAGES  # 1: as many as it has now
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    steps["together"].insert(0, limit)


def _dies_raising(_: Steps, flags: Path) -> None:
    """Killed within the transaction that raises a fall, when everything but COMMIT is done."""
    raise_fall = falls.raise_fall

    def die(*arguments: Any) -> None:
        raise_fall(*arguments)
        _kill_if(flags)

    _put(falls, "raise_fall", die)


def _dies_raised(_: Steps, flags: Path) -> None:
    """Killed when a fall is raised and committed, and nobody has been told."""

    def die(_: object) -> None:
        _kill_if(flags)

    _put(raise_falls, "_tell", die)


def _dies_telling_silence(_: Steps, flags: Path) -> None:
    """Killed within the transaction that makes a silent band a fault, before COMMIT."""
    tell = silence_faults._tell

    def die(*arguments: Any) -> None:
        tell(*arguments)
        _kill_if(flags)

    _put(silence_faults, "_tell", die)


def _dies_told_silence(_: Steps, flags: Path) -> None:
    """Killed when the fault is committed, and nobody has heard of it."""
    begin = SilenceFaults.begin

    async def die(self: SilenceFaults, found: Any) -> None:
        await begin(self, found)
        _kill_if(flags)

    SilenceFaults.begin = die  # type: ignore[method-assign]


def _kill_if(flags: Path) -> None:
    if (flags / "die_raising").exists():
        os.kill(os.getpid(), signal.SIGKILL)


def _no_bug(_: Steps, _flags: Path) -> None:
    """The gateway as it is."""


def _put(module: ModuleType, name: str, part: object) -> None:
    setattr(module, name, part)


BUGS = {
    "none": _no_bug,
    "answer_before_commit": _answer_before_commit,
    "one_salt": _one_salt,
    "full": _full,
    "dies_raising": _dies_raising,
    "dies_raised": _dies_raised,
    "dies_telling_silence": _dies_telling_silence,
    "dies_told_silence": _dies_told_silence,
}

if __name__ == "__main__":
    main()
