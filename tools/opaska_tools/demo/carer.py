# SPDX-License-Identifier: Apache-2.0
"""A carer's visit in the demo: two knocks with the card."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from opaska_tools.body_model import shipped
from opaska_tools.demo import tales
from opaska_tools.demo.cast import busy

if TYPE_CHECKING:
    from opaska_tools.demo.cast import Stage
    from opaska_tools.demo.wrist import Wrist

_KNOCKS = 5
_READ_S = 12.0  # the knocks come after five seconds
_HELD_S = 0.5


async def visit(stage: Stage, wrist: Wrist) -> str:
    with busy(wrist):
        tale = tales.VISIT_ENDED if wrist.is_visited else tales.VISIT_BEGUN
        journey = stage.play.begin(wrist.kid, tale)
        await _knock(stage, wrist)
        await journey.reaches("ended_felt" if wrist.is_visited else "begun_felt")
        wrist.is_visited = not wrist.is_visited
    if wrist.is_visited:
        return "The visit has begun. Press k again to end it."
    return "The visit is over."


async def _knock(stage: Stage, wrist: Wrist) -> None:
    """Until the card is felt to be read: in its first 40 s a band has other things to do."""
    band, begun_ms = wrist.worn.band, wrist.worn.band.time.now_ms()
    assert wrist.card is not None
    await band.hold_card(wrist.card)  # it is what she knocks with
    try:
        for knocks in range(_KNOCKS):
            stage.say("A carer knocks twice on the band." if not knocks else "She knocks again.")
            await band.wear(shipped("knock"))
            with suppress(TimeoutError):
                await band.wait_note("visit_tick", _READ_S, since_ms=begun_ms)
                await asyncio.sleep(_HELD_S)
                return
        raise TimeoutError("The card was not read.")
    finally:
        await band.take_card()
