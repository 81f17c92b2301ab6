# SPDX-License-Identifier: Apache-2.0
"""PPP over a line that shares the modem's port may end an ESP32's processor (micropython#16701):
such a band must not start for ever without reaching anybody. In virtual time, with the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
FAULTS = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
SAID = "PPP on a shared line"


async def test_an_sos_is_stored_although_ppp_on_a_shared_line_ends_the_processor(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        band = scene.band
        await band.power_cut()
        await band.ppp_panics(True)
        await band.start()
        first = len(band.starts)
        await band.press(700)
        await band.wait_note("stored", 600)
        assert len(band.starts) - first == 3, "as many as the trial takes"
        await scene.clock.run_for(MINUTE_MS)
        assert said(scene) == [SAID]

        await band.ppp_panics(False)
        await band.restart()
        await scene.clock.run_for(MINUTE_MS)
        assert said(scene) == [SAID], "the power was away: a new trial"


def said(scene: VirtualScene) -> list[object]:
    faults = [decode_report(body).fields for (body,) in scene.rows(FAULTS, reports.FAULT)]
    return [fault["detail"] for fault in faults if fault["code"] == reports.TASK_FAILED]
