# SPDX-License-Identifier: Apache-2.0
"""A gateway process that kills itself at a chosen place of the pipeline. Run as a child.

usage: python -m tests.support.dying_gateway FOLDER PLACE [PLANTED_BUG] < frames
Frames come as lines `kid_hex frame_hex`, and go in as one batch; every frame that would go down
to a band is printed at once, in the same form. PLACE is 0 (before the first step) to 7 (after the
last; 5 is before COMMIT, 6 after it) or -1 (never).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opaska_gateway import clock
from opaska_gateway.context import Context
from opaska_gateway.database.engine import Database
from opaska_gateway.intake.arrival import Arrival
from opaska_gateway.pipeline import AFTER, BEFORE, TOGETHER, Pipeline
from opaska_gateway.vault import Vault

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch

PLACES: Final = range(8)
BEFORE_COMMIT: Final = 5
ANSWER_BEFORE_COMMIT: Final = "answer_before_commit"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _die_before(_batch: Batch, _context: Context) -> None:
    _die()


def _die_together(_batch: Batch, _context: Context, _connection: Connection) -> None:
    _die()


def _die_after(_batch: Batch, _context: Context) -> None:
    _die()


def _early_answer(batch: Batch, context: Context, _connection: Connection) -> None:
    """A planted bug: the answer leaves before the commit."""
    AFTER[0](batch, context)


def steps(place: int, planted: str) -> dict[str, Any]:
    """STEPS with a death at this place, and perhaps a planted bug."""
    before: list[Any] = list(BEFORE)
    together: list[Any] = list(TOGETHER)
    after: list[Any] = list(AFTER)
    if planted == ANSWER_BEFORE_COMMIT:
        together.append(_early_answer)
    if place == 0:
        before.insert(0, _die_before)
    elif 1 <= place < BEFORE_COMMIT:
        together.insert(place - 1, _die_together)
    elif place == BEFORE_COMMIT:
        together.append(_die_together)
    elif place > BEFORE_COMMIT:
        after.insert(place - BEFORE_COMMIT - 1, _die_after)
    return {"before": before, "together": together, "after": after}


async def main(folder: Path, place: int, planted: str) -> None:
    """One batch, to its end or ours."""
    vault = Vault(folder / "key")
    async with Database(f"sqlite+aiosqlite:///{folder / 'opaska.db'}") as database:
        context = Context(database, vault)
        context.replies.publish = _print
        await _bring(Pipeline(context, **steps(place, planted)))


async def _bring(pipeline: Pipeline) -> None:
    lines = sys.stdin.read().split()
    left = len(lines) // 2
    all_done = asyncio.Event()

    def done() -> None:
        nonlocal left
        left -= 1
        if not left:
            all_done.set()

    for kid_hex, frame_hex in zip(lines[::2], lines[1::2], strict=True):
        frame = bytes.fromhex(frame_hex)
        pipeline.submit(
            Arrival(kid_hex, frame, "mqtt", urgent=True, received_ms=clock.now_ms(), done=done)
        )
    working = asyncio.create_task(pipeline.run())
    await all_done.wait()
    working.cancel()


def _print(kid_hex: str, frame: bytes, _keep: bool) -> None:
    sys.stdout.write(f"{kid_hex} {frame.hex()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:])))
