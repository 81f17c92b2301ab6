# SPDX-License-Identifier: Apache-2.0
# A band without identity: nothing that it sent would be believed, so a press says "not sent".

import asyncio

from .clock import Uptime
from .decisions.help import NOT_SENT
from .faults import Faults
from .signals import Signals
from .sos_button import SosButton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .drivers.button import Button

_HOLD_MS = 500
_SAY_MS = 3_000  # once, not for ever: nobody is waiting for help yet


async def run(board: "Any", button: "Button") -> None:
    uptime = Uptime()
    signals = Signals(board, Faults(uptime))
    pressed = asyncio.Event()
    watch = SosButton(button, uptime, _HOLD_MS, lambda _: pressed.set(), signals)
    watching = asyncio.create_task(watch.run())
    while not watching.done():
        await pressed.wait()
        pressed.clear()
        signals.play(NOT_SENT)
        await asyncio.sleep_ms(_SAY_MS)
        signals.silence()
