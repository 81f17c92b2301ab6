# SPDX-License-Identifier: Apache-2.0
"""A band that speaks every 20 minutes and whose modem sleeps in between: an SOS is as early as
ever, and no order is lost for ever. In virtual time, with the real gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

A_MINUTE_MS = 60_000
HEARTBEAT_MS = 1_200_000
HOLD_MS = 500
EDRX_MS = 20_480
NOTICED_MS = 601_000  # until a gateway in virtual time sees what a command has changed
COUNT = "SELECT count(*) FROM event WHERE report_type = ?"


def count(scene: VirtualScene, report_type: int) -> int:
    return int(scene.rows(COUNT, report_type)[0][0])


async def seconds_to_stored(scene: VirtualScene) -> float:
    """From the end of the hold to the gateway's answer on the wrist."""
    press = await scene.band.press(600)
    stored = await scene.band.wait_note("stored", 60)
    return (stored.t_ms - press.down_ms - HOLD_MS) / 1000


async def test_the_modem_sleeps_but_for_a_second_or_two_a_contact_and_an_sos_wakes_it(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        modem, link = scene.band.circuit.wiring.modem, scene.band.link
        await scene.clock.run_for(5 * A_MINUTE_MS)
        activity, awake_s, contacts = link.activity, 0, 0
        for _ in range(1800):
            await scene.clock.run_for(2_000)
            awake_s += 2 * (not modem.sleep.is_asleep)
            contacts += link.activity != activity
            activity = link.activity
        assert contacts <= 5, "three heartbeats, a pulse; no ping"
        assert awake_s <= 20
        assert modem.sleep.is_asleep
        assert await seconds_to_stored(scene) <= 0.1, "it has woken while the button was held"
        assert modem.sleep.lost == 0, "nothing was ever said to a modem that sleeps"


async def test_a_jammed_button_is_one_sos_lets_the_processor_sleep_and_is_heard_again_when_free(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(5_000)
        await scene.band.press_down()
        await scene.clock.run_for(3 * A_MINUTE_MS)  # in which the receiver looks for its place
        await scene.band.modem(covered=False)
        await scene.clock.run_for(4 * A_MINUTE_MS)
        asleep_s, _ = await scene.band.slept()
        await scene.clock.run_for(3 * A_MINUTE_MS)
        assert (await scene.band.slept())[0] - asleep_s > 170, "and no SOS waits for a network"
        await scene.band.modem(covered=True)
        await scene.clock.run_for(5 * A_MINUTE_MS)
        assert count(scene, reports.ALARM) == 1
        await scene.band.press_up()
        await scene.clock.run_for(1_000)
        await scene.band.press(600)
        await scene.clock.run_for(1_000)
        assert count(scene, reports.ALARM) == 2


async def test_an_sos_into_a_connection_that_the_network_forgot_an_hour_ago_takes_seconds(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(5_000)
        seldom = ("heartbeat_s=3600", "pulse_minutes=0")
        await opaska(scene.gateway, "bands", "set", scene.kid, *seldom)
        await scene.clock.run_for(NOTICED_MS + HEARTBEAT_MS)
        beats = count(scene, reports.HEARTBEAT)
        scene.band.link.forget()
        while count(scene, reports.HEARTBEAT) == beats:  # it notices, and connects again
            await scene.clock.run_for(A_MINUTE_MS)
        scene.band.link.forget()
        await scene.clock.run_for(58 * A_MINUTE_MS)
        took_s = await seconds_to_stored(scene)
        print(f"SOS stored {took_s:.1f} s after the hold")  # noqa: T201
        assert 5 <= took_s <= 7
        assert not any(note.name == "not_sent" for note in scene.band.notes)


async def test_an_order_waits_for_a_page_and_in_a_forgotten_connection_for_the_next_heartbeat(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        radio = scene.band.circuit.wiring.radio
        await scene.clock.run_for(5 * A_MINUTE_MS)
        assert radio.paging_ms == EDRX_MS
        pages = radio.pages
        await opaska(scene.gateway, "bands", "locate", scene.kid, "--why", "daughter calls")
        await scene.clock.run_for(NOTICED_MS + EDRX_MS + 180_000)
        assert count(scene, reports.POSITION) == 1
        assert radio.pages > pages, "it came by itself"
        scene.band.link.forget()
        await opaska(scene.gateway, "bands", "locate", scene.kid, "--why", "again")
        await scene.clock.run_for(HEARTBEAT_MS + 10_000 + 180_000)
        assert count(scene, reports.POSITION) == 2
        await scene.band.press(600)
        await scene.clock.run_for(A_MINUTE_MS)
        assert radio.paging_ms < 3_000, "while a case is open help is heard at once"
