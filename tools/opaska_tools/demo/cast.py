# SPDX-License-Identifier: Apache-2.0
"""Who plays in the demo, and how everybody stands before anything is done."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from opaska_protocol.reports import WEAR
from opaska_tools.simulator.circuit import Ntag424, Sky
from opaska_tools.stage.stored import has_reported

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from opaska_tools.demo.play import Play
    from opaska_tools.demo.wrist import Wrist
    from opaska_tools.stage.dispatcher import Dispatcher
    from opaska_tools.stage.officer import Officer

HOME = Sky(52.22427, 21.0123)
_SAFE = "1=52.22427,21.01230,300"  # around the home
_FIRST_FIX_MS = 2_000  # a warm start; a cold one takes 30 s
_HEARTBEAT_S = 60
_CARERS = (  # who is expected at whom, and the number of the card
    ("Anna Nowak", bytes.fromhex("04a1b2c3d4e5f6")),
    ("Jan Kowalski", bytes.fromhex("04a1b2c3d4e5f7")),
)
_MINUTES = 45  # as planned
_SETTLES_S = 15.0  # until a band knows that it is worn, and where
_LOOK_S = 0.05


class Stage(NamedTuple):
    """Who plays, and the line for what is said meanwhile."""

    play: Play
    dispatcher: Dispatcher
    officer: Officer
    say: Callable[[str], None]


async def prepare(stage: Stage, wrist: Wrist) -> None:
    """Before anything is done: the wearer is at home, and her zone is ordered."""
    gnss = wrist.worn.band.circuit.wiring.modem.gnss
    gnss.sky, gnss.first_fix_ms = HOME, _FIRST_FIX_MS
    await stage.officer.order_settings(wrist.kid, heartbeat_s=_HEARTBEAT_S)
    await stage.officer.order_zone(wrist.kid, _SAFE)
    carer, uid = _CARERS[stage.play.scene.worn.index(wrist.worn)]
    keys = await stage.officer.expect(wrist.kid, carer, uid, _MINUTES)
    both = bytes.fromhex(keys.meta_read_key), bytes.fromhex(keys.file_read_key)
    wrist.card = Ntag424(uid, *both)
    database_file = stage.play.scene.gateway.database_file
    with suppress(TimeoutError):  # then the screen shows what is missing
        async with asyncio.timeout(_SETTLES_S):
            await until(lambda: gnss.is_on)
            await until(lambda: not gnss.is_on)
            await until(lambda: has_reported(database_file, wrist.kid, WEAR))


async def until(is_so: Callable[[], bool]) -> None:
    """Of chips and of another process's database, which set no event of ours."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


@contextmanager
def busy(wrist: Wrist) -> Generator[None]:
    if wrist.is_busy:
        raise RuntimeError("Not so fast: the last deed is not over.")
    wrist.is_busy = True
    try:
        yield
    finally:
        wrist.is_busy = False
