# SPDX-License-Identifier: Apache-2.0
# When safe mode begins, and when it ends: the button is held down from power-up on, longer than
# any SOS needs. It may have been a finger by chance, and here no fall is felt.

import asyncio

from micropython import const

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .band import Band

_AFTER_MS = const(10_000)
_LASTS_MS = const(3_600_000)  # the cell lasts no longer than seven hours: it is awake all the time
_LOOK_MS = const(100)
_SELDOM_MS = const(10_000)


async def is_wanted(band: "Band") -> bool:
    """Whether the button stays down that long."""
    while band.button.press.is_down():
        if band.uptime.ms() >= _AFTER_MS:
            return True
        await asyncio.sleep_ms(_LOOK_MS)
    return False


async def over(band: "Band") -> None:
    """Its end: after its time, when nobody presses or waits for help."""
    while band.uptime.ms() < _LASTS_MS or band.button.press.is_down() or band.is_near():
        await asyncio.sleep_ms(_SELDOM_MS)
