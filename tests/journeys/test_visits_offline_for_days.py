# SPDX-License-Identifier: Apache-2.0
"""Two days without a network, a visit each morning and evening, a restart in the middle of one:
when the network is back, every visit is in the database, once, in order and at its time. In
virtual time, with the real gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_tools.simulator.clock import VIRTUAL_EPOCH_S
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program
from tests.support.visit_scene import COUNT, SECOND_MS, faults, smart, touch, visits

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
EVENING_H = 11  # since the start
BEGINS_H = (1, EVENING_H, 25, 35)
LASTS_H = 0.5
BACK_H = 47  # the network
OFF_MS = 2 * SECOND_MS  # the simulated clock is right: only rounding, and what a restart takes
DRIFT_PPM = 500  # is reckoned with, and again on a way back through a restart
TIMES = "SELECT occurred_ms, occurred_error_ms FROM event WHERE report_type = ? ORDER BY boot, seq"


@pytest.mark.long
@pytest.mark.timeout(900)  # two days take a minute or more
async def test_two_days_without_a_network_and_a_restart_lose_no_visit_and_no_time(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        card = await smart(scene)
        await scene.clock.run_for(2 * MINUTE_MS)
        await scene.band.modem(covered=False)
        for begin_h in BEGINS_H:
            await come_to(scene, begin_h)
            await touch(scene, card)
            if begin_h == EVENING_H:
                await come_to(scene, begin_h + LASTS_H / 2)
                await scene.band.restart()
            await come_to(scene, begin_h + LASTS_H)
            await touch(scene, card)
            if begin_h == EVENING_H:
                await sleeps_and_searches_seldom(scene, EVENING_H + 3, EVENING_H + 9)
        await come_to(scene, BACK_H)
        felt = [note for note in scene.band.notes if note.name in ("visit_begun", "visit_ended")]
        assert [note.name for note in felt] == ["visit_begun", "visit_ended"] * len(BEGINS_H)
        assert scene.rows(COUNT, reports.VISIT) == [(0,)]
        await scene.band.modem(covered=True)
        await scene.clock.run_for(10 * MINUTE_MS)
        stored = scene.rows(TIMES, reports.VISIT)
        truth = [VIRTUAL_EPOCH_S * 1_000 + note.t_ms for note in felt]
        assert [at_ms for at_ms, _ in stored] == pytest.approx(truth, abs=OFF_MS)
        most_ms = 2 * BACK_H * HOUR_MS * DRIFT_PPM / 1_000_000
        assert max(error_ms for _, error_ms in stored) <= most_ms
        assert scene.rows(COUNT, reports.VISIT_TEST) == [(len(truth),)]
        found = sorted(await visits(scene), key=lambda one: int(one["from_ms"]))
        spans = [(one["from_ms"], one["to_ms"]) for one in found]
        assert [at_ms for span in spans for at_ms in span] == [at_ms for at_ms, _ in stored]
        how = {(one["state"], one["proof"], *one["marks"]) for one in found}
        assert how == {("ended", "verified")}
        assert "no answer" in await faults(scene)


async def come_to(scene: VirtualScene, hour: float) -> None:
    await scene.clock.run_for(hour * HOUR_MS - scene.clock.now_ms())


async def sleeps_and_searches_seldom(scene: VirtualScene, from_h: float, to_h: float) -> None:
    """In hours in which nothing else happens; docs/power.md has the figures."""
    await come_to(scene, from_h)
    slept_s, sleeps = await scene.band.slept()
    await come_to(scene, to_h)
    then_s, then = await scene.band.slept()
    hours = to_h - from_h
    awake_s, wakes = 3_600 - (then_s - slept_s) / hours, (then - sleeps) / hours
    print(f"without a network awake {awake_s:.0f} s an hour, {wakes:.0f} wake-ups")  # noqa: T201
    assert awake_s < 60
    assert wakes < 500
