# SPDX-License-Identifier: Apache-2.0
"""What somebody can do with the band in the hand: one key, one deed.

What takes minutes of the band's own rhythm is shown in seconds because the gateway orders it.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from opaska_protocol.reports import WEAR
from opaska_tools.body_model import shipped
from opaska_tools.demo import tales
from opaska_tools.demo.play import HOLD_MS
from opaska_tools.simulator.circuit import Pulse, Sky
from opaska_tools.stage.stored import has_reported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from opaska_tools.demo.play import Play
    from opaska_tools.demo.tales import Tale
    from opaska_tools.demo.wrist import Wrist
    from opaska_tools.stage.dispatcher import Dispatcher
    from opaska_tools.stage.officer import Officer

_PRESS_MS = HOLD_MS + 200
_HOME = Sky(52.22427, 21.0123)
_SHOP = Sky(52.23427, 21.0123)  # 1.1 km to the north
_SAFE = "1=52.22427,21.01230,300"  # around the home
_FIRST_FIX_MS = 2_000  # a warm start; a cold one takes 30 s
_STEPS = 20  # from the one to the other
_STEP_S = 0.2
_HEARTBEAT_S = 60
_SETTLES_S = 15.0  # until a band knows that it is worn, and where
_LOOK_S = 0.05
_BODIES = (  # whom the oximeter meets, one measurement after the other
    ("She is at rest", Pulse(68, 97)),
    ("She has climbed the stairs", Pulse(112, 96)),
    ("She is short of breath", Pulse(92, 88)),
)
_CELL_MV = {90: 4_060, 60: 3_850, 18: 3_680, 5: 3_540}  # a likely voltage by charge
_CHARGING_STEPS = (10, 20, 30, 40, 50)


class Stage(NamedTuple):
    """Who plays."""

    play: Play
    dispatcher: Dispatcher
    officer: Officer


async def prepare(stage: Stage, wrist: Wrist) -> None:
    """Before anything is done: the wearer is at home, and her zone is ordered."""
    gnss = wrist.worn.band.circuit.wiring.modem.gnss
    gnss.sky, gnss.first_fix_ms = _HOME, _FIRST_FIX_MS
    await stage.officer.order_settings(wrist.kid, heartbeat_s=_HEARTBEAT_S)
    await stage.officer.order_zone(wrist.kid, _SAFE)
    database_file = stage.play.scene.gateway.database_file
    with suppress(TimeoutError):  # then the screen shows what is missing
        async with asyncio.timeout(_SETTLES_S):
            await _until(lambda: gnss.is_on)
            await _until(lambda: not gnss.is_on)
            await _until(lambda: has_reported(database_file, wrist.kid, WEAR))


async def _until(is_so: Callable[[], bool]) -> None:
    """Of chips and of another process's database, which set no event of ours."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_S)


# --- the button, the power, the link ---


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


# --- the strap ---


async def _wear(stage: Stage, wrist: Wrist) -> str:
    if wrist.place != "worn":
        stage.play.begin(wrist.kid, tales.PUT_ON)
        await _put_on(wrist)
        return "It is on again. An open case stays open until somebody closes it."
    stage.play.begin(wrist.kid, tales.TAKEN_OFF)
    await wrist.worn.band.take_off()
    return "It lies on the table. By day it reminds of itself."


async def _cut(stage: Stage, wrist: Wrist) -> str:
    stage.play.begin(wrist.kid, tales.CUT)
    await wrist.worn.band.strap("cut", "table")
    return "The strap is cut. Press o for a new one."


async def _put_on(wrist: Wrist) -> None:
    wrist.is_charging = False
    await wrist.worn.band.charging(False)
    await wrist.worn.band.put_on()


# --- the pulse ---


async def _measure(stage: Stage, wrist: Wrist) -> str:
    who, body = _BODIES[wrist.measured % len(_BODIES)]
    wrist.measured += 1
    await wrist.worn.band.show(body)
    await _order_look(stage, wrist, tales.PULSE)
    return f"{who}: {body.heart_rate_bpm:g} a minute, {body.spo2_percent:g} %."


async def _order_look(stage: Stage, wrist: Wrist, tale: Tale) -> None:
    """With new settings a band looks at everything anew."""
    stage.play.begin(wrist.kid, tale)
    await stage.officer.order_settings(wrist.kid)


# --- the safe zone ---


async def _walk(stage: Stage, wrist: Wrist) -> str:
    with _busy(wrist):
        journey = stage.play.begin(
            wrist.kid, tales.WALKED_OUT if wrist.is_home else tales.WALKED_HOME
        )
        await _go(wrist, *((_HOME, _SHOP) if wrist.is_home else (_SHOP, _HOME)))
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


# --- the battery ---


async def _empty(stage: Stage, wrist: Wrist) -> str:
    """One step further: low, critical, on the charger, on the wrist again."""
    with _busy(wrist):
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
    await _put_on(wrist)
    return "Charged, and on the wrist again."


async def _fill(wrist: Wrist, percent: int) -> None:
    wrist.percent = percent
    await wrist.worn.band.battery(percent, _CELL_MV.get(percent))


@contextmanager
def _busy(wrist: Wrist) -> Generator[None]:
    if wrist.is_busy:
        raise RuntimeError("Not so fast: the last walk, or battery, is not over.")
    wrist.is_busy = True
    try:
        yield
    finally:
        wrist.is_busy = False


# --- the desk ---


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
        Deed("b", "battery", _empty),
    ),
    "wearer": (
        Deed("o", "off or on", _wear),
        Deed("x", "cut strap", _cut),
        Deed("u", "pulse", _measure),
        Deed("z", "leave zone or return", _walk),
    ),
    "desk": (
        Deed("t", "take the case", _take),
        Deed("c", "close the case", _close),
    ),
}
