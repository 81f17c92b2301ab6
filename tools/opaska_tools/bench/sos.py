# SPDX-License-Identifier: Apache-2.0
"""`opaska bench sos`: from the end of the hold until the wrist feels STORED, and the centre's yes.

Real firmware on simulated boards, a real gateway, a receiver that we did not write. Times are the
bands' own. A band presses again when a dispatcher has closed its case.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from opaska_tools.bench.figures import summary_ms
from opaska_tools.stage.dispatcher import Dispatcher
from opaska_tools.stage.mosquitto import Mosquitto, find_mosquitto
from opaska_tools.stage.scene import SOS_CODE, Scene
from opaska_tools.stage.stored import alarms_of

if TYPE_CHECKING:
    from opaska_tools.stage.scene import Worn

HOLD_MS = 500  # the band's default setting
_RELEASE_MS = HOLD_MS + 150  # a finger that lets go when it feels the answer
_LONGEST_S = 60.0  # for one answer; after that the press counts as lost


@dataclass(slots=True)
class _Measured:
    """Delays of all presses, in seconds, and what went missing."""

    stored_s: list[float] = field(default_factory=list[float])
    centre_s: list[float] = field(default_factory=list[float])
    pressed: int = 0
    lost: int = 0


def run(count: int, bands: int) -> dict[str, Any]:
    """Measure and return the JSON object."""
    with TemporaryDirectory(prefix="opaska-bench-") as folder:
        return asyncio.run(_measure(Path(folder), count, bands))


async def _measure(folder: Path, count: int, bands: int) -> dict[str, Any]:
    mosquitto = Mosquitto(folder / "mosquitto") if find_mosquitto() else None
    measured = _Measured()
    async with Scene(folder, bands, mosquitto=mosquitto) as scene:
        await scene.set_up()
        async with Dispatcher(scene.gateway) as dispatcher, asyncio.TaskGroup() as group:
            for worn in scene.worn:
                group.create_task(_press_on(worn, dispatcher, measured, count))
        stored = sum(alarms_of(scene.gateway.database_file, worn.kid) for worn in scene.worn)
        heard = len(scene.receiver.rang(SOS_CODE))
    return {
        "count": count,
        "stored_ms": summary_ms(measured.stored_s),
        "centre_ms": summary_ms(measured.centre_s),
        "lost": measured.lost + max(0, count - min(stored, heard)),
        "doubled": max(0, stored - count) + max(0, heard - count),
        "bands": bands,
        "broker": "mosquitto" if mosquitto else "amqtt",
    }


async def _press_on(worn: Worn, dispatcher: Dispatcher, measured: _Measured, count: int) -> None:
    while measured.pressed < count:
        measured.pressed += 1
        try:
            await _press(worn, measured)
            answered_ms = worn.band.time.now_ms()
            await dispatcher.close(worn.kid)
            await worn.band.wait_note("closed", _LONGEST_S, since_ms=answered_ms)
        except TimeoutError:
            measured.lost += 1


async def _press(worn: Worn, measured: _Measured) -> None:
    press = await worn.band.press(_RELEASE_MS)
    held_ms = press.down_ms + HOLD_MS
    stored = await worn.band.wait_note("stored", _LONGEST_S, since_ms=press.down_ms)
    accepted = await worn.band.wait_note("accepted", _LONGEST_S, since_ms=press.down_ms)
    measured.stored_s.append((stored.t_ms - held_ms) / 1000)
    measured.centre_s.append((accepted.t_ms - held_ms) / 1000)
