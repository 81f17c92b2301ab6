# SPDX-License-Identifier: Apache-2.0
"""No link at the press: "not sent" after 60 s, and delivered once when the link is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_tools.stage.scene import SOS_CODE, Scene
from opaska_tools.stage.stored import alarms_of, has_reported
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_program("micropython")

HOLD_MS = 500  # the band's default setting
PRESS_MS = HOLD_MS + 200
NOT_SENT_MS = 60_000  # promise 8
LONG_MS = 80 * 60_000  # past an hour, where the last step of the schedule begins: every 5 minutes


async def test_not_sent_is_felt_after_a_minute_and_stored_once_the_link_is_back(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        clock, band, database_file = scene.clock, scene.band, scene.gateway.database_file
        await clock.run_for(5_000)
        assert has_reported(database_file, scene.kid)
        band.link.cut("silence")
        press = await band.press(PRESS_MS)
        not_sent = await band.wait_note("not_sent", 120)
        assert 0 <= not_sent.t_ms - (press.down_ms + HOLD_MS) - NOT_SENT_MS < 1_000
        await clock.run_for(LONG_MS)
        said = {note.name for note in band.notes}
        assert not said & {"stored", "accepted", "taken", "closed"}, "false hope"
        assert alarms_of(database_file, scene.kid) == 0
        band.link.restore()
        await band.wait_note("stored", 600)
        await clock.run_for(600_000)  # what else is under way arrives too
        assert alarms_of(database_file, scene.kid) == 1


async def test_power_cut_while_it_waits_and_delivered_once_after_the_start(
    tmp_path: Path,
) -> None:
    async with Scene(tmp_path, 1) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        worn.band.link.cut("reset")
        await worn.band.press(PRESS_MS)
        await worn.band.wait_note("working")
        await worn.band.power_cut()
        worn.band.link.restore()
        began_ms = worn.band.time.now_ms()
        await worn.band.start()
        await worn.band.wait_note("stored", 30, since_ms=began_ms)
        await worn.band.wait_note("accepted", 30, since_ms=began_ms)
        database_file = scene.gateway.database_file
        assert alarms_of(database_file, worn.kid) == 1
        assert scene.receiver.rang(SOS_CODE) == [worn.account]


async def test_gateway_is_down_when_the_button_is_pressed(tmp_path: Path) -> None:
    async with Scene(tmp_path, 1) as scene:
        await scene.set_up()
        (worn,) = scene.worn
        await scene.gateway.kill()
        await worn.band.press(PRESS_MS)
        await worn.band.wait_note("working")
        await scene.gateway.start()
        worn.band.link.target = ("127.0.0.1", scene.gateway.broker_port)
        await worn.band.wait_note("accepted", 60)
        await until(lambda: scene.receiver.rang(SOS_CODE), "the centre's own log")
        assert alarms_of(scene.gateway.database_file, worn.kid) == 1
