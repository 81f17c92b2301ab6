# SPDX-License-Identifier: Apache-2.0
"""A finger on the button while the band starts makes safe mode, in which nothing but an SOS is
felt: somebody must hear of it, and it must end by itself. In virtual time, with the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2

from opaska_gateway.care.alarm_kinds import fault_word
from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.requirements import requires_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
WEAR = 14  # key of a heartbeat
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
ALARMS = "SELECT alarm_kind FROM event WHERE rings = 1"
TO_TECHNICIAN = (
    "SELECT body FROM outbox JOIN event ON event.id = event_id WHERE destination = 'trouble'"
)


async def test_safe_mode_by_a_finger_is_told_to_the_technician_and_ends_within_the_hour(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(10_000)
        await scene.band.power_cut()
        await scene.band.press_down()
        await scene.band.start()
        await scene.band.wait_note("safe_mode", 30)
        await scene.band.press_up()
        await scene.clock.run_for(MINUTE_MS)
        [(told,)] = scene.rows(TO_TECHNICIAN)
        assert fault_word(decode_report(told).fields["code"]) == "safe mode"
        await scene.clock.run_for(90 * MINUTE_MS)
        (last, *_) = reversed(scene.rows(BODIES, reports.HEARTBEAT))
        assert WEAR in cbor2.loads(last[0]), "everything works again"
        assert scene.rows(ALARMS) == [(reports.SOS,)], "the one of the start"
