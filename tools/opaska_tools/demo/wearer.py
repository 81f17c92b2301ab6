# SPDX-License-Identifier: Apache-2.0
"""What the wearer does in the demo: takes the band off, is measured, leaves the safe zone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opaska_tools.body_model import shipped
from opaska_tools.demo import tales
from opaska_tools.demo.cast import HOME, busy, until
from opaska_tools.simulator.circuit import Pulse, Sky

if TYPE_CHECKING:
    from opaska_tools.demo.cast import Stage
    from opaska_tools.demo.wrist import Wrist

_BODIES = (  # whom the oximeter meets, one measurement after the other
    ("She is at rest", Pulse(68, 97)),
    ("She has climbed the stairs", Pulse(112, 96)),
    ("She is short of breath", Pulse(92, 88)),
)
_STORED_S = 0.5  # until the measurement before is not mistaken for this one
_SHOP = Sky(52.23427, 21.0123)  # 1.1 km to the north of home
_STEPS = 20  # from the one to the other
_STEP_S = 0.2


async def wear(stage: Stage, wrist: Wrist) -> str:
    if wrist.place != "worn":
        stage.play.begin(wrist.kid, tales.PUT_ON)
        await put_on(wrist)
        return "It is on again. An open case stays open until somebody closes it."
    stage.play.begin(wrist.kid, tales.TAKEN_OFF)
    await wrist.worn.band.take_off()
    return "It lies on the table. By day it reminds of itself."


async def cut(stage: Stage, wrist: Wrist) -> str:
    stage.play.begin(wrist.kid, tales.CUT)
    await wrist.worn.band.strap("cut", "table")
    return "The strap is cut. Press o for a new one."


async def put_on(wrist: Wrist) -> None:
    wrist.is_charging = False
    await wrist.worn.band.charging(False)
    await wrist.worn.band.put_on()


async def measure(stage: Stage, wrist: Wrist) -> str:
    band = wrist.worn.band
    who, body = _BODIES[wrist.measured % len(_BODIES)]
    with busy(wrist):
        if band.circuit.wiring.oximeter.shines:
            stage.say("It is measured already; the next measurement follows.")
            await until(lambda: not band.circuit.wiring.oximeter.shines)
            await asyncio.sleep(_STORED_S)
        wrist.measured += 1
        await band.show(body)
        stage.play.begin(wrist.kid, tales.PULSE)
        await stage.officer.order_settings(wrist.kid)
    return f"{who}: {body.heart_rate_bpm:g} a minute, {body.spo2_percent:g} %."


async def walk(stage: Stage, wrist: Wrist) -> str:
    with busy(wrist):
        journey = stage.play.begin(
            wrist.kid, tales.WALKED_OUT if wrist.is_home else tales.WALKED_HOME
        )
        await _go(wrist, *((HOME, _SHOP) if wrist.is_home else (_SHOP, HOME)))
        wrist.is_home = not wrist.is_home
        await stage.officer.locate(wrist.kid)
        stage.play.pass_now(journey, "ordered")
        await journey.reaches("position")
        if wrist.is_home:
            return "She is at home. That rings nowhere."
        await stage.officer.locate(wrist.kid)  # outside once may be a wrong fix
        await journey.reaches("zone")
        return "She has left the zone. Press z again to walk home."


async def _go(wrist: Wrist, here: Sky, there: Sky) -> None:
    band = wrist.worn.band
    await band.wear(shipped("walk"))
    north_deg = (there.latitude_deg - here.latitude_deg) / _STEPS
    for step in range(1, _STEPS + 1):
        latitude_deg = here.latitude_deg + north_deg * step
        band.circuit.wiring.modem.gnss.sky = here._replace(latitude_deg=latitude_deg)
        await asyncio.sleep(_STEP_S)
