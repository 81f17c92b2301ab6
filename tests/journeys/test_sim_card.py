# SPDX-License-Identifier: Apache-2.0
"""A band whose SIM card asks for a PIN, is missing or cannot be read says so, and not that there
is no network: on its console, to the wrist, and to the gateway once it can. In virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2

from hardware.simulated.chips.eg915u_card import NO_CARD, READY, UNREADABLE
from opaska_gateway.care.alarm_kinds import fault_word
from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
MENDED_MS = 11 * MINUTE_MS  # two of the longest pauses, and what a try takes
BROKEN = 16  # key of a heartbeat
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"


def card_faults(scene: VirtualScene) -> list[tuple[str, str]]:
    """(word, detail), as a technician reads them."""
    told = [decode_report(body).fields for (body,) in scene.rows(BODIES, reports.FAULT)]
    return [(fault_word(one["code"]), one.get("detail", "")) for one in told]


def broken(scene: VirtualScene) -> list[bool]:
    """Whether each heartbeat names the card, by number in its boot."""
    beats = [cbor2.loads(body) for (body,) in scene.rows(BODIES, reports.HEARTBEAT)]
    beats.sort(key=lambda beat: beat[1])
    return [reports.SIM_CARD in beat.get(BROKEN, []) for beat in beats]


async def test_a_card_that_asks_for_a_pin_is_told_once_at_once_and_to_the_gateway_when_mended(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.band.modem(sim="SIM PIN")
        await scene.band.wait_note("fault", 60)
        await scene.clock.run_for(12 * MINUTE_MS)
        said = [line for line in scene.band.log if "SIM" in line]
        assert said == ["no link: card: SIM PIN"]
        assert [note.name for note in scene.band.notes].count("fault") == 1
        await scene.band.modem(sim=READY)
        await scene.clock.run_for(MENDED_MS)
        assert card_faults(scene) == [("sim card", "SIM PIN")]
        assert not any(broken(scene)), "it works now"


async def test_a_card_that_loses_its_contact_is_named_by_heartbeats_until_it_has_it_again(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(2 * MINUTE_MS)
        for sim in (UNREADABLE, NO_CARD):
            await scene.band.modem(sim=sim)
            await scene.clock.run_for(21 * MINUTE_MS)  # and a heartbeat is made
            await scene.band.modem(sim=READY)
            await scene.clock.run_for(MENDED_MS)
        assert card_faults(scene) == [
            ("sim card", "SIM failure"),
            ("sim card", "SIM not inserted"),
        ]
        await scene.clock.run_for(15 * MINUTE_MS)
        named = broken(scene)
        assert named[1:3] == [True, True]
        assert not named[-1]
        await scene.band.modem(sim=UNREADABLE)
        press = await scene.band.press(600)
        await scene.band.wait_note("not_sent", 90)
        await scene.band.modem(sim=READY)
        stored = await scene.band.wait_note("stored", 120)
        assert stored.t_ms - press.down_ms < 3 * MINUTE_MS
