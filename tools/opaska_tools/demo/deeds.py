# SPDX-License-Identifier: Apache-2.0
"""What somebody can do with the band in the hand: one key, one deed.

What takes minutes of the band's own rhythm is shown in seconds because the gateway orders it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opaska_tools.demo.carer import visit
from opaska_tools.demo.cell import empty
from opaska_tools.demo.play import HOLD_MS
from opaska_tools.demo.wearer import cut, measure, walk, wear

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opaska_tools.demo.cast import Stage
    from opaska_tools.demo.wrist import Wrist

_PRESS_MS = HOLD_MS + 200


async def _press(_: Stage, wrist: Wrist) -> str:
    await wrist.worn.band.press(_PRESS_MS)
    if wrist.worn.band.state == "off":
        return "The button was held, but the band has no power. Press p, then s."
    return "The button was held."


async def _power(_: Stage, wrist: Wrist) -> str:
    if wrist.worn.band.state == "off":
        await wrist.worn.band.start()
        return "The band has power again."
    await wrist.worn.band.power_cut()
    return "The power is gone. What was accepted is on the flash."


async def _link(_: Stage, wrist: Wrist) -> str:
    wrist.link_cut = not wrist.link_cut
    if wrist.link_cut:
        wrist.worn.band.link.cut()
        return "The link is cut: an SOS is “not sent” after 60 s, and is tried for ever."
    wrist.worn.band.link.restore()
    return "The link is back."


async def _take(stage: Stage, wrist: Wrist) -> str:
    return await stage.dispatcher.take(wrist.kid)


async def _close(stage: Stage, wrist: Wrist) -> str:
    return await stage.dispatcher.close(wrist.kid)


class Deed(NamedTuple):
    key: str
    words: str
    do: Callable[[Stage, Wrist], Awaitable[str]]


# By who does it; live.py adds the other band and the way out.
DEEDS = {
    "band": (
        Deed("s", "SOS", _press),
        Deed("p", "power", _power),
        Deed("l", "link", _link),
        Deed("b", "battery", empty),
    ),
    "wearer": (
        Deed("o", "off or on", wear),
        Deed("x", "cut strap", cut),
        Deed("u", "pulse", measure),
        Deed("z", "leave zone or return", walk),
    ),
    "others": (
        Deed("k", "carer's card", visit),
        Deed("t", "take the case", _take),
        Deed("c", "close the case", _close),
    ),
}
