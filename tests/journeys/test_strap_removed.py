# SPDX-License-Identifier: Apache-2.0
"""A strap that is opened, from its loop and pad to the centre's outbox and the wearer's ledger; in
virtual time, with the real gateway. And signals that break, which stop nothing else."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import cbor2

from opaska_gateway.care import worn
from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.body_model import shipped
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

ALARMS = "SELECT report_type, alarm_kind, seq FROM event WHERE rings = 1 ORDER BY id"
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
WEAR = (
    "SELECT state, before, since_ms FROM wear_sighting WHERE since_ms IS NOT NULL ORDER BY at_ms"
)
TO_CENTRE = "SELECT payload FROM outbox WHERE destination = 'centre' ORDER BY id"


def changes(scene: VirtualScene) -> list[tuple[int, int | None]]:
    return [(state, before) for state, before, _ in scene.rows(WEAR)]


def sent_to_centre(scene: VirtualScene) -> list[str]:
    return [json.loads(payload)["kind"] for (payload,) in scene.rows(TO_CENTRE)]


def faults(scene: VirtualScene) -> list[tuple[int, str]]:
    """Those of the strap and its wearing."""
    found = [decode_report(body).fields for (body,) in scene.rows(BODIES, reports.FAULT)]
    mine = (reports.STRAP_SENSOR, reports.CHARGED_TOO_LONG)
    told = [(fields["code"], fields.get("detail", "")) for fields in found]
    return [fault for fault in told if fault[0] in mine]


def ledger(scene: VirtualScene) -> dict[str, float]:
    """Hours of each kind, as `opaska people worn` counts them."""
    query = "SELECT device_id, generation, boot, at_ms, state, since_ms, before FROM wear_sighting"
    told = [
        worn.Sighting((one, two, three), *rest) for one, two, three, *rest in scene.rows(query)
    ]
    hours: dict[str, float] = {}
    for span in worn.spans(told):
        hours[span.kind] = hours.get(span.kind, 0) + (span.to_ms - span.from_ms) / HOUR_MS
    return hours


def last_beat(scene: VirtualScene) -> dict[int, Any]:
    beat: dict[int, Any] = cbor2.loads(scene.rows(BODIES, reports.HEARTBEAT)[-1][0])
    return beat


async def live(scene: VirtualScene, minutes: float = 1) -> None:
    await scene.clock.run_for(round(minutes * MINUTE_MS))


async def wakes_at_two(scene: VirtualScene, *more: str) -> None:
    """The wearer, on a clock that stands at one in the morning."""
    await opaska(scene.gateway, "bands", "set", scene.kid, "awake_from=120", *more)
    await live(scene, 6)
    assert last_beat(scene).get(17), "the settings have arrived"


def reminders(scene: VirtualScene) -> list[float]:
    return [note.t_ms for note in scene.band.notes if note.name == "put_on"]


async def test_opened_strap_reaches_the_centres_outbox_and_back_on_is_noted_in_the_case(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene, 30)
        assert changes(scene) == [(reports.WORN, None)]
        assert scene.rows(ALARMS) == []
        opened_ms = scene.clock.now_ms()
        await scene.band.take_off()
        working = await scene.band.wait_note("working", 60)
        assert working.t_ms - opened_ms < 10_000
        await live(scene, 10)
        [(type_, kind, alarm_seq)] = scene.rows(ALARMS)
        assert (type_, kind) == (reports.ALARM, reports.STRAP)
        assert sent_to_centre(scene) == ["strap"]
        [(wear_seq,)] = scene.rows(
            "SELECT max(seq) FROM event WHERE report_type = ?", reports.WEAR
        )
        assert wear_seq == alarm_seq + 1, "the alarm first"
        await scene.band.put_on()
        await live(scene, 30)
        assert changes(scene)[1:] == [
            (reports.TAKEN_OFF, reports.WORN),
            (reports.WORN, reports.TAKEN_OFF),
        ]
        [(case_id, state)] = scene.rows("SELECT hex(id), state FROM care_case")
        assert state in ("ringing", "forwarded"), "a human closes it"
        shown = json.loads(await opaska(scene.gateway, "cases", "show", case_id.lower(), "--json"))
        assert [one["state"] for one in shown["wear"]] == ["taken off", "worn"]
        hours = ledger(scene)
        assert 0.65 < hours[worn.WORN] < 1.1, "all but what no heartbeat has told yet"
        assert 0.15 < hours[worn.OFF] < 0.2
        assert last_beat(scene)[14] == reports.WORN


async def test_cut_strap_is_marked_as_such_and_a_press_beside_it_is_an_sos(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene)
        scene.band.link.cut("silence")
        await scene.band.strap("cut", "table")
        await scene.band.wait_note("working", 60)
        await scene.band.press(700)
        await live(scene)
        scene.band.link.restore()
        await live(scene, 21)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.STRAP, reports.SOS]
        assert changes(scene)[-1] == (reports.CUT, reports.WORN)
        assert last_beat(scene)[14] == reports.CUT


async def test_charger_is_not_taken_off_an_sos_works_there_and_off_it_five_minutes_are_given(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene)
        await scene.band.strap("open", "hand")
        await scene.clock.run_for(1_500)
        await scene.band.charging(True)
        await scene.band.strap(touch="charger")
        await live(scene, 10)
        assert scene.rows(ALARMS) == []
        assert changes(scene)[-1] == (reports.CHARGING, reports.WORN)
        await scene.band.press(700)
        await scene.band.wait_note("stored", 60)
        await live(scene, 10)
        await scene.band.charging(False)
        await scene.band.strap(touch="table")
        await live(scene, 4)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.SOS]
        await live(scene, 2)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.SOS, reports.STRAP]


async def test_long_charging_is_a_fault_by_day_and_nobody_is_reminded_at_night(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await wakes_at_two(scene)
        await scene.band.charging(True)
        await scene.band.strap("open", "charger")
        await live(scene, 30)
        assert not reminders(scene)
        await live(scene, 190)
        assert faults(scene) == [], "the night does not count"
        assert not reminders(scene)
        await live(scene, 30)
        assert faults(scene) == [(reports.CHARGED_TOO_LONG, "")]
        assert len(reminders(scene)) == 1
        await live(scene, 60)
        assert faults(scene) == [(reports.CHARGED_TOO_LONG, "")], "once"
        assert scene.rows(ALARMS) == []


async def test_day_is_that_of_the_wearers_home_and_needs_no_order_of_an_officer(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        with sqlite3.connect(scene.gateway.database_file) as connection:
            connection.execute("UPDATE organisation SET time_zone = 'Asia/Tokyo'")
            connection.execute("UPDATE place SET time_zone = 'Asia/Tokyo'")
        connection.close()
        await live(scene, 25)
        assert last_beat(scene).get(17), "it was told"
        await scene.band.take_off()
        await live(scene, 35)
        assert len(reminders(scene)) == 1, "here it is night, and there ten in the morning"


async def test_wearer_who_does_not_move_by_day_raises_an_alarm_once_until_she_moves(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await wakes_at_two(scene, "inactive_hours=1")
        await live(scene, 90)
        assert scene.rows(ALARMS) == [], "the night does not count"
        await live(scene, 30)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.INACTIVE]
        assert last_beat(scene)[18] > 110
        await live(scene, 90)
        assert len(scene.rows(ALARMS)) == 1
        await scene.band.wear(shipped("walk"))
        await live(scene, 90)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.INACTIVE] * 2


async def test_wearer_whose_strap_does_not_ring_still_has_it_in_the_ledger(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await opaska(scene.gateway, "bands", "set", scene.kid, "wear_alarm=false")
        await live(scene, 30)
        await scene.band.take_off()
        await live(scene, 10)
        assert scene.rows(ALARMS) == []
        assert changes(scene)[-1] == (reports.TAKEN_OFF, reports.WORN)


async def test_band_that_was_taken_off_rings_once_though_it_restarts(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene)
        await scene.band.take_off()
        await live(scene)
        await scene.band.restart()
        await live(scene)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.STRAP]
        await scene.band.put_on()
        await live(scene)
        await scene.band.power_cut()
        await scene.band.take_off()
        await scene.band.start()
        await live(scene)
        assert len(scene.rows(ALARMS)) == 2, "off while it had no power"


async def test_broken_signals_are_one_fault_each_and_stop_nothing_else(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene)
        strap = scene.band.circuit.wiring.strap
        strap.fault = "pad_stuck"
        await live(scene, 20)
        assert faults(scene) == [(reports.STRAP_SENSOR, "pad stuck")]
        assert reports.STRAP_SENSOR in last_beat(scene)[16]
        for _ in range(20):  # a storm of interrupts, and of wake-ups
            await scene.band.chatter(60, 1)
            await scene.band.chatter(500)
            await live(scene, 0.1)
        await live(scene, 3)
        assert faults(scene)[1:] == [(reports.STRAP_SENSOR, "loop chatters")]
        assert scene.rows(ALARMS) == []
        strap.fault = None
        await live(scene, 2)
        pressed = await scene.band.press(700)
        stored = await scene.band.wait_note("stored", 60, since_ms=pressed.down_ms)
        assert stored.t_ms - pressed.up_ms < 5_000
        await scene.band.take_off()
        await live(scene, 2)
        assert [kind for _, kind, _ in scene.rows(ALARMS)] == [reports.SOS, reports.STRAP]
        assert len(faults(scene)) == 2
        await live(scene, 21)
        assert reports.STRAP_SENSOR not in last_beat(scene).get(16, [])
        assert len(scene.band.starts) == 1
