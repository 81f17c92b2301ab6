# SPDX-License-Identifier: Apache-2.0
"""Every way out of a countdown, from a recorded fall in the chip's FIFO to the gateway's database;
in virtual time, with the real gateway."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import cbor2
import pytest

from opaska_protocol import reports
from opaska_tools.body_model import shipped
from opaska_tools.stage.stored import alarms_of
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from opaska_tools.simulator.records import Note
    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

LIES = shipped("fall_and_lie")
WALKS = shipped("walk")
COUNTDOWN_MS = 20_000
GRACE_MS = 6_000  # the gateway's, for what is under way
NOTES = ("hold", "confirmed", "cancelled", "working", "stored")

FALLS = "SELECT state, settled_by, settled_ms - announced_ms, still FROM announced_fall"
ALARMS = "SELECT report_type, alarm_kind, boot, seq FROM event WHERE rings = 1 ORDER BY id"
CASES = "SELECT state FROM care_case"


@asynccontextmanager
async def fallen(folder: Path, name: str) -> AsyncGenerator[tuple[VirtualScene, Note]]:
    """A wearer who has just fallen, and the first pulse of the countdown."""
    recording = shipped(name)
    async with virtual_scene(folder) as scene:
        await scene.clock.run_for(10_000)
        begin_ms = await scene.band.wear(recording)
        countdown = await scene.band.wait_note("countdown", 60)
        impact_ms = begin_ms + (recording.peak_s or 0) * 1000
        assert 0 < countdown.t_ms - impact_ms < 5_000, "decided within 5 s"
        yield scene, countdown


def felt(scene: VirtualScene) -> list[str]:
    return [note.name for note in scene.band.notes if note.name in NOTES]


async def test_fall_that_nobody_cancels_is_raised_by_the_band_and_its_motion_follows(
    tmp_path: Path,
) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, countdown):
        await scene.clock.run_for(1_000)
        assert scene.rows(FALLS)[0][0] == "announced", "at once"
        await scene.clock.run_for(120_000)
        [(state, why, after_ms, still)] = scene.rows(FALLS)
        [(type_, kind, _, seq)] = scene.rows(ALARMS)
        working = next(note for note in scene.band.notes if note.name == "working")
        parts = scene.rows("SELECT seq FROM event WHERE report_type = ?", reports.MOTION)
        cases = scene.rows(CASES)
    assert (state, why, still) == ("raised", "deadline", 1)
    assert after_ms == pytest.approx(COUNTDOWN_MS, abs=500)
    assert working.t_ms - countdown.t_ms == pytest.approx(COUNTDOWN_MS, abs=100)
    assert (type_, kind) == (reports.ALARM, reports.FALL)
    assert len(cases) == 1
    assert parts
    assert all(part > seq for (part,) in parts), "evidence never comes before the alarm"


async def test_fall_cancelled_by_the_hold_rings_nowhere_and_is_kept(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(2_000)
        await scene.band.press(6_000)
        await scene.band.wear(WALKS)
        await scene.clock.run_for(300_000)
        [(state, why, after_ms, _)] = scene.rows(FALLS)
        assert (state, why) == ("cancelled", "by_hand")
        assert after_ms == pytest.approx(8_000, abs=500)
        assert scene.rows(ALARMS) == []
        assert scene.rows(CASES) == []
        assert felt(scene) == ["hold", "confirmed", "cancelled"]


async def test_fall_that_is_cancelled_and_then_nobody_moves_rings(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(2_000)
        pressed = await scene.band.press(6_000)
        await scene.clock.run_for(50_000)
        assert scene.rows(FALLS)[0][:2] == ("cancelled", "by_hand")
        assert scene.rows(ALARMS) == []
        working = await scene.band.wait_note("working", 60)
        await scene.clock.run_for(10_000)
        [(state, why, _, still)] = scene.rows(FALLS)
        assert (state, why, still) == ("raised", "still_after_cancel", 1)
        assert 60_000 <= working.t_ms - pressed.up_ms < 65_000
        assert len(scene.rows(CASES)) == 1


async def test_wearer_who_walks_on_needs_no_hand_to_cancel(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_walk_on") as (scene, _):
        await scene.clock.run_for(30_000)
        await scene.band.wear(WALKS)
        await scene.clock.run_for(120_000)
        assert [row[:2] for row in scene.rows(FALLS)] == [("cancelled", "walked_on")]
        assert scene.rows(ALARMS) == []
        assert felt(scene) == ["cancelled"]


async def test_short_press_in_the_countdown_is_an_sos_and_the_only_alarm(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(2_000)
        pressed = await scene.band.press(300)
        stored = await scene.band.wait_note("stored")
        assert stored.t_ms - pressed.up_ms < 150
        await scene.clock.run_for(300_000)
        assert [(kind, type_) for type_, kind, *_ in scene.rows(ALARMS)] == [
            (reports.SOS, reports.ALARM)
        ]
        assert scene.rows(FALLS)[0][:2] == ("raised", "sos")


async def test_button_under_a_body_raises_after_ten_seconds(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(2_000)
        await scene.band.press(15_000)
        await scene.clock.run_for(60_000)
        [(state, why, after_ms, _)] = scene.rows(FALLS)
        assert (state, why) == ("raised", "held_on")
        assert after_ms == pytest.approx(12_000, abs=500)
        assert [kind for _, kind, *_ in scene.rows(ALARMS)] == [reports.FALL]


async def test_hand_that_may_not_cancel_calls_for_help_instead(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(10_000)
        wanted = ("bands", "set", scene.kid, "fall_cancel_by_hand=false")
        await opaska(scene.gateway, *wanted)
        await scene.clock.run_for(1_200_000)
        await scene.band.wear(LIES)
        await scene.band.wait_note("countdown", 60)
        await scene.clock.run_for(2_000)
        await scene.band.press(6_000)
        await scene.clock.run_for(60_000)
        assert scene.rows(FALLS)[0][:2] == ("raised", "sos")
        assert [kind for _, kind, *_ in scene.rows(ALARMS)] == [reports.SOS]


async def test_band_killed_in_the_countdown_is_raised_by_the_gateway(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(5_000)
        await scene.band.power_cut()
        await scene.clock.run_for(COUNTDOWN_MS - 5_000 + GRACE_MS - 500)
        assert scene.rows(FALLS)[0][0] == "announced"
        assert scene.rows(ALARMS) == []
        await scene.clock.run_for(2_000)
        [(state, why, after_ms, _)] = scene.rows(FALLS)
        assert (state, why) == ("raised", "gateway")
        assert after_ms == pytest.approx(COUNTDOWN_MS + GRACE_MS, abs=500)
        [(type_, kind, *_)] = scene.rows(ALARMS)
        assert (type_, kind) == (reports.ANNOUNCED_FALL, reports.FALL)
        assert scene.rows(CASES) == [("ringing",)]


async def test_band_that_restarts_in_the_countdown_raises_the_fall_itself(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(5_000)
        await scene.band.power_cut()
        await scene.band.start()
        await scene.clock.run_for(120_000)
        [(state, why, *_)] = scene.rows(FALLS)
        assert (state, why) == ("raised", "restarted")
        [(_, kind, boot, _)] = scene.rows(ALARMS)
        assert (kind, boot) == (reports.FALL, 2)
        assert len(scene.rows(CASES)) == 1
        assert felt(scene)[:1] == ["working"]


async def test_fall_without_a_link_arrives_whole_and_rings_once_it_can(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(10_000)
        scene.band.link.cut("silence")
        await scene.band.wear(LIES)
        await scene.band.wait_note("not_sent", 180)
        assert alarms_of(scene.gateway.database_file, scene.kid) == 0
        scene.band.link.restore()
        await scene.band.wait_note("stored", 600)
        await scene.clock.run_for(900_000)
        [(state, why, *_)] = scene.rows(FALLS)
        assert (state, why) == ("raised", "deadline")
        assert len(scene.rows(CASES)) == 1
        seqs = dict(scene.rows("SELECT report_type, min(seq) FROM event GROUP BY report_type"))
        assert seqs[reports.ANNOUNCED_FALL] < seqs[reports.ALARM] < seqs[reports.MOTION]
        assert _motion_is_whole(scene)


def _motion_is_whole(scene: VirtualScene) -> bool:
    """Whether as many parts came as were made, told by the gaps that the seqs would have."""
    seqs = [
        seq
        for (seq,) in scene.rows(
            "SELECT seq FROM event WHERE report_type = ? ORDER BY seq", reports.MOTION
        )
    ]
    return len(seqs) >= 10 and seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_free_memory_after_a_fall_is_what_it_was_before(tmp_path: Path) -> None:
    async with fallen(tmp_path, "fall_and_lie") as (scene, _):
        await scene.clock.run_for(1_500_000)
        query = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
        beats = [cbor2.loads(body) for (body,) in scene.rows(query, reports.HEARTBEAT)]
        free = [beat[6] for beat in beats]
        # a heartbeat may fall into a measurement, whose modules are loaded for it
        assert free[0] - max(free[-3:]) < 4_096, free
