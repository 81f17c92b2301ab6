# SPDX-License-Identifier: Apache-2.0
"""The whole band against a plain broker: a press is felt growing into help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import reports
from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN

if TYPE_CHECKING:
    from opaska_tools.simulator.band import SimulatedBand

    from tests.support.small_gateway import SmallGateway


async def test_pressed_button_is_reported_stored_and_accepted_on_the_wrist(
    band: SimulatedBand, gateway: SmallGateway
) -> None:
    await band.start()
    await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)
    press = await band.press(700)
    stored = await band.wait_note("stored")
    await band.wait_note("accepted")
    [alarm] = gateway.of_type(reports.ALARM)
    assert alarm.topic == f"up/{b'opaska01'.hex()}/a"
    assert (alarm.fields["kind"], alarm.fields["trigger"]) == (reports.SOS, reports.HOLD)
    assert alarm.size <= 80
    assert stored.t_ms - (press.down_ms + 500) <= 150
