# SPDX-License-Identifier: Apache-2.0
"""A recorded fall, from the chip's FIFO to a monitoring centre that we did not write.

Real firmware on simulated boards that replay the recording, a real broker and gateway, pysiaalarm
as the centre. A countdown lasts its 20 s of real time, so all fall at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import TYPE_CHECKING

from opaska_tools.body_model import shipped
from opaska_tools.falls.recordings import Recording
from opaska_tools.stage.scene import FALL_CODE, Scene
from opaska_tools.stage.stored import alarms_of, rows
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.falls.recordings import Samples
    from opaska_tools.stage.scene import Worn

pytestmark = requires_program("micropython")

ANNOUNCED = "SELECT count(*) FROM announced_fall WHERE state = 'announced'"
BEFORE_S = 4.0  # of the recording before its impact: enough for the sense, and less to wait for
OVER_S = 36.0  # countdown, the gateway's grace, and a little more
WAIT_S = 90.0  # for what comes then, on a busy machine


class Soon(Recording):
    """A recording whose long beginning is left out."""

    def read(self) -> Samples:
        begin = round(((self.peak_s or 0) - BEFORE_S) * self.rate_hz)
        return super().read()[begin:]


def soon(name: str) -> Soon:
    whole = shipped(name)
    return Soon(**{field.name: getattr(whole, field.name) for field in fields(whole)})


async def test_fall_rings_at_the_centre_unless_it_is_cancelled_even_if_the_band_breaks_in_it(
    tmp_path: Path,
) -> None:
    async with Scene(tmp_path, 3) as scene:
        await scene.set_up()
        lying, broken, cancelling = scene.worn
        recording = soon("fall_and_lie")
        for worn in scene.worn:
            await worn.band.wear(recording)
        for worn in scene.worn:
            await worn.band.wait_note("countdown", 30)
        await _all_are_announced(scene)
        assert scene.receiver.rang(FALL_CODE) == [], "announced, which rings nowhere"
        await asyncio.gather(
            _rings_by_itself(scene, lying),
            _rings_although_broken(scene, broken),
            _is_cancelled(cancelling),
        )
        falls = sorted(scene.receiver.rang(FALL_CODE))
        assert falls == sorted([lying.account, broken.account])
        alarms = [alarms_of(scene.gateway.database_file, worn.kid) for worn in scene.worn]
        assert alarms == [1, 1, 0]


async def _all_are_announced(scene: Scene) -> None:
    """A band that breaks before its first word got out can be helped by nobody."""
    async with asyncio.timeout(30):
        while rows(scene.gateway.database_file, ANNOUNCED) != [(len(scene.worn),)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _rings_by_itself(scene: Scene, worn: Worn) -> None:
    await scene.receiver.wait_for(worn.account, FALL_CODE, WAIT_S)
    await worn.band.wait_note("accepted")


async def _rings_although_broken(scene: Scene, worn: Worn) -> None:
    await worn.band.power_cut()
    await scene.receiver.wait_for(worn.account, FALL_CODE, WAIT_S)


async def _is_cancelled(worn: Worn) -> None:
    await worn.band.press(6_000)
    await worn.band.wait_note("cancelled")
    await asyncio.sleep(OVER_S - 6)  # and nothing comes of it
