# SPDX-License-Identifier: Apache-2.0
# A band that cannot send, having no identity or a broken part: a press says "not sent".

import asyncio

from .clock import Uptime
from .decisions.help import NOT_SENT
from .faults import Faults
from .guard import keep
from .signals import Signals
from .sos_button import SosButton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .drivers.button import Button

_HOLD_MS = 500
_SAY_MS = 3_000  # once, not for ever: nothing goes on behind it


async def run(board: "Any", button: "Button", held: bool) -> None:
    """For ever; `held`: the button was down at power-up."""
    uptime = Uptime()
    faults = Faults(uptime)
    signals = Signals(board, faults)
    pressed = asyncio.Event()
    watch = SosButton(button, uptime, _HOLD_MS, lambda _: pressed.set(), signals, faults)
    watching = asyncio.create_task(keep("button", watch.run, faults))
    if held:
        pressed.set()
    while not watching.done():
        await pressed.wait()
        pressed.clear()
        signals.play(NOT_SENT)
        await asyncio.sleep_ms(_SAY_MS)
        signals.silence()
