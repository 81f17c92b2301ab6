# SPDX-License-Identifier: Apache-2.0
"""A carer at a simulated band, and what the real gateway makes of it. In virtual time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opaska_tools.body_model import shipped
from opaska_tools.simulator.circuit import Ntag424
from tests.support.command import opaska

if TYPE_CHECKING:
    from opaska_tools.simulator.circuit import Card
    from opaska_tools.stage.virtual_scene import VirtualScene

SECOND_MS = 1_000
STARTED_MS = 50_000  # and the reader was looked at
TOUCHED_MS = 12 * SECOND_MS  # from the card until it was kept, and knocks are heard again
UID = "04de5f1eacc040"
COUNT = "SELECT count(*) FROM event WHERE report_type = ?"
_KNOCKED_MS = 6_500  # the arm has turned, and was knocked on twice


async def carer(scene: VirtualScene, uid: str = UID, *more: str) -> Any:
    """Somebody with this card: what its reader at the office wrote to it."""
    who = (await opaska(scene.gateway, "carers", "add", "--name", "Anna Zielińska")).split()[-1]
    told = await opaska(scene.gateway, "cards", "add", who, uid, *more)
    return json.loads(told[: told.rindex("}") + 1]) if "{" in told else None


async def smart(scene: VirtualScene) -> Ntag424:
    """The card of a carer."""
    keys = await carer(scene)
    meta, file = bytes.fromhex(keys["meta_read_key"]), bytes.fromhex(keys["file_read_key"])
    return Ntag424(bytes.fromhex(UID), meta, file)


async def knock(scene: VirtualScene) -> None:
    """Twice; no card yet."""
    await scene.band.wear(shipped("knock"))
    await scene.clock.run_for(_KNOCKED_MS)


async def touch(scene: VirtualScene, card: Card, taps: int = 1) -> None:
    """Knock, hold the card there, once or more often, and wait for what is felt."""
    await knock(scene)
    for _ in range(taps):
        await scene.band.hold_card(card)
        await scene.clock.run_for(2 * SECOND_MS)
        await scene.band.take_card()
        await scene.clock.run_for(0.6 * SECOND_MS)
    await scene.clock.run_for(10 * SECOND_MS)


def felt(scene: VirtualScene) -> list[str]:
    return [note.name for note in scene.band.notes]


async def visits(scene: VirtualScene) -> list[dict[str, Any]]:
    """What an officer reads, as they came."""
    told = await opaska(scene.gateway, "visits", "list", "--days", "3650", "--json")
    listed: list[dict[str, Any]] = json.loads(told)
    return sorted(listed, key=lambda one: int(one["visit"]))


async def faults(scene: VirtualScene) -> str:
    """What visits found wrong with the band."""
    return await opaska(scene.gateway, "bands", "faults", "--days", "3650")
