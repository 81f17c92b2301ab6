# SPDX-License-Identifier: Apache-2.0
"""The band's cell in the demo: it falls, is charged, and the band is put on again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opaska_tools.demo import tales
from opaska_tools.demo.cast import busy
from opaska_tools.demo.wearer import put_on

if TYPE_CHECKING:
    from opaska_tools.demo.cast import Stage
    from opaska_tools.demo.wrist import Wrist

_MV = {90: 4_060, 60: 3_850, 18: 3_680, 5: 3_540}  # a likely voltage by charge
_CHARGING_STEPS = (10, 20, 30, 40, 50)


async def empty(stage: Stage, wrist: Wrist) -> str:
    """One step further: low, critical, on the charger, on the wrist again."""
    with busy(wrist):
        if wrist.is_charging:
            return await _unplug(stage, wrist)
        if wrist.percent <= 5:
            return await _charge(stage, wrist)
        percent, tale = (18, tales.LOW) if wrist.percent > 18 else (5, tales.CRITICAL)
        journey = stage.play.begin(wrist.kid, tale)
        await _fill(wrist, percent)
        await stage.officer.order_settings(wrist.kid)
        stage.play.pass_now(journey, "ordered")
        return f"The cell has fallen to {percent} %; it is looked at twice, 10 s apart."


async def _charge(stage: Stage, wrist: Wrist) -> str:
    journey = stage.play.begin(wrist.kid, tales.CHARGED)
    wrist.is_charging = True
    await wrist.worn.band.charging(True)
    await wrist.worn.band.strap("open", "charger")
    for percent in _CHARGING_STEPS:
        await _fill(wrist, percent)
        await asyncio.sleep(1)
    await _fill(wrist, 60)
    stage.play.pass_now(journey, "full")
    await stage.officer.order_settings(wrist.kid)
    stage.play.pass_now(journey, "ordered")
    return "On the charger nothing rings, but an SOS does. Press b to put it on again."


async def _unplug(stage: Stage, wrist: Wrist) -> str:
    stage.play.begin(wrist.kid, tales.PUT_ON)
    await _fill(wrist, 90)
    await put_on(wrist)
    return "Charged, and on the wrist again."


async def _fill(wrist: Wrist, percent: int) -> None:
    wrist.percent = percent
    await wrist.worn.band.battery(percent, _MV.get(percent))
