# SPDX-License-Identifier: Apache-2.0
"""The pulse, from the oximeter's light to the gateway's database: on schedule, in an open alarm,
at a limit, and with a broken chip. In virtual time, with the real gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cbor2
import pytest

from opaska_protocol import reports
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import decode_report
from opaska_tools.simulator.circuit import TABLE, Pulse
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
BROKEN = 16  # key of a heartbeat
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
ALARMS = "SELECT alarm_kind FROM event WHERE rings = 1 ORDER BY id"
TO_CENTRE = "SELECT payload FROM outbox WHERE destination = 'centre' ORDER BY id"


async def vitals(scene: VirtualScene) -> list[dict[str, Any]]:
    """What an officer reads, the oldest first."""
    told = await opaska(scene.gateway, "bands", "vitals", scene.kid, "--why=a test", "--json")
    listed: list[dict[str, Any]] = json.loads(told)
    return listed[::-1]


def faults(scene: VirtualScene) -> list[tuple[int, str]]:
    found = [decode_report(body).fields for (body,) in scene.rows(BODIES, reports.FAULT)]
    return [(fields["code"], fields.get("detail", "")) for fields in found]


async def live(scene: VirtualScene, minutes: float) -> None:
    await scene.clock.run_for(round(minutes * MINUTE_MS))


async def test_a_worn_band_tells_its_wearers_pulse_every_hour_and_none_of_a_table(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.band.show(Pulse(heart_rate_bpm=62, spo2_percent=96))
        await live(scene, 65)
        first = await vitals(scene)
        await scene.band.show(TABLE)
        await live(scene, 60)
        then = (await vitals(scene))[len(first) :]
        assert faults(scene) == []
        bodies = scene.rows(BODIES, reports.VITALS)
    assert len(first) == 2
    for told in first:
        assert told["heart_rate_bpm"] == pytest.approx(62, abs=1)
        assert told["spo2_percent"] == pytest.approx(96, abs=2)
        assert told["why"] == "schedule"
    assert then
    assert all(told["heart_rate_bpm"] is told["spo2_percent"] is None for told in then)
    for (body,) in bodies:
        with pytest.raises(ProtocolError):
            decode_report(body)  # it is the wearer's, and sealed


async def test_an_order_brings_one_measurement_of_who_is_never_measured_else(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await opaska(scene.gateway, "bands", "set", scene.kid, "pulse_minutes=0")
        await live(scene, 30)
        before = len(await vitals(scene))
        await opaska(scene.gateway, "bands", "measure", scene.kid, "--why", "she feels faint")
        await live(scene, 25)
        asked = (await vitals(scene))[before:]
        audit = scene.rows("SELECT why FROM audit WHERE what = 'vitals_ordered'")
    assert [(one["why"], one["heart_rate_bpm"]) for one in asked] == [("request", 68)]
    assert audit == [("she feels faint",)]


async def test_an_sos_is_stored_as_soon_as_ever_and_the_pulse_follows_it(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await live(scene, 0.55)
        assert scene.band.circuit.wiring.oximeter.shines, "in the middle of a measurement"
        pressed = await scene.band.press(600)
        await scene.band.wait_note("stored", 30)
        at_ms = next(note.t_ms for note in scene.band.notes if note.name == "stored")
        await live(scene, 5)
        told = await vitals(scene)
    assert at_ms - pressed.up_ms < 1_000
    in_alarm = [one for one in told if one["why"] == "alarm open"]
    assert len(in_alarm) >= 3
    assert in_alarm[0]["heart_rate_bpm"] == pytest.approx(68, abs=1)


async def test_a_pulse_beyond_the_wearers_limit_rings_at_the_centre(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await opaska(scene.gateway, "bands", "set", scene.kid, "hr_high=120", "pulse_minutes=10")
        await live(scene, 8)
        assert scene.rows(ALARMS) == []
        await scene.band.show(Pulse(heart_rate_bpm=136))
        await live(scene, 12)
        alarms = scene.rows(ALARMS)
        sent = [json.loads(payload)["kind"] for (payload,) in scene.rows(TO_CENTRE)]
        limits = [one for one in await vitals(scene) if one["why"] == "limit"]
    assert alarms == [(reports.VITALS_LIMIT,)]
    assert sent == ["heart_rate"]
    assert [one["heart_rate_bpm"] for one in limits] == pytest.approx([136] * len(limits), abs=2)
    assert len(limits) >= 2


async def test_a_broken_oximeter_is_one_fault_in_every_heartbeat_and_stops_nothing_else(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.band.oximeter_fault("silent")
        await live(scene, 130)
        await scene.band.press(600)
        await live(scene, 1)
        told = faults(scene)
        beat = cbor2.loads(scene.rows(BODIES, reports.HEARTBEAT)[-1][0])
        alarms = scene.rows(ALARMS)
    assert told == [(reports.OXIMETER, "no answer")]
    assert beat[BROKEN] == [reports.OXIMETER]
    assert alarms == [(reports.SOS,)]
