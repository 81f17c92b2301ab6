# SPDX-License-Identifier: Apache-2.0
# Power-up, which always reaches a usable state.
#
# 1. The watchdog, before anything that can hang.
# 2. The button: held at power-up it is first an SOS and then, held on for ten seconds, safe mode.
# 3. The identity. Without one nothing can be sent: a press says so (mute.py).
# 4. The band (band.py), for ever. A part that it cannot do without may be broken: then likewise,
#    and after a while a new start.
#
# Whatever escapes ends in a reset (main.py); Ctrl-C on the bench build ends in the console, the
# watchdog fed.

import asyncio
import gc
import sys
import time

import micropython
from micropython import const

from .boards.band_v1 import Board
from .clock import until_feed_ms
from .drivers.button import Button

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WATCHDOG_MS = 30_000  # a name look-up may block for some seconds; an SOS may not wait a minute
# Collect after so much allocation: compiling sprinkles names over a heap that was never collected,
# and the next table of names then finds no place in one piece.
_COLLECT_AFTER_BYTES = const(16_384)
_CONTACT_MS = const(30)  # a button that is down for so long at power-up is held
_BEFORE_RETRY_S = const(120)  # with a broken part: time to feel "not sent", and to look for it


def run() -> None:
    watchdog = Board.watchdog(WATCHDOG_MS)
    gc.threshold(_COLLECT_AFTER_BYTES)
    board = Board()
    button = Button(board.sos_button)
    try:
        asyncio.run(_live(board, watchdog, button, _is_held(button)))
    except KeyboardInterrupt:
        board.feed_from_timer(watchdog, WATCHDOG_MS // 2)


def _is_held(button: Button) -> bool:
    if not button.is_closed():
        return False
    time.sleep_ms(_CONTACT_MS)
    return button.is_closed()


async def _live(board: Board, watchdog: "Any", button: Button, held: bool) -> None:
    """For ever, or until only a new start can help: then it raises."""
    from . import identity

    bands: "list[Any]" = []
    feeding = asyncio.create_task(_feed(watchdog, button, bands))
    who = identity.read(board.nvs)
    if who is not None:
        if who.build == identity.SEALED:
            micropython.kbd_intr(-1)  # nobody gets in by the console
        try:
            from .band import Band

            band = Band(board, button, who)
            bands.append(band)
            await band.run(held)
        except Exception as error:
            sys.print_exception(error)
    else:
        print("no identity: write it, see firmware/README.md")
    from . import mute

    saying = mute.run(board, button, held)
    try:
        await asyncio.wait_for(saying, None if who is None else _BEFORE_RETRY_S)
    finally:
        feeding.cancel()


async def _feed(watchdog: "Any", button: Button, bands: "list[Any]") -> None:
    """While the link's task lives. The button is looked at too: an interrupt may be lost, and
    whoever looks asks the uptime, which nobody else may do for weeks in a band without a link
    (clock.py)."""
    while True:
        if not bands or bands[0].client.is_alive:
            watchdog.feed()
        if button.on_edge:
            button.on_edge()
        await asyncio.sleep_ms(until_feed_ms())
