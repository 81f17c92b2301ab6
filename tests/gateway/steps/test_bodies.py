# SPDX-License-Identifier: Apache-2.0
"""Which bodies supervision can read without the wearer's key, and which nobody can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opaska_protocol import reports
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core

UPTIME_MS = 5_000


async def test_what_a_band_says_of_itself_is_clear_and_says_nothing_of_its_wearer(
    heart: Core,
) -> None:
    band = await heart.add_band()
    sent = [
        band.seal(
            reports.BOOT,
            uptime_ms=UPTIME_MS,
            cause=reports.POWER_ON,
            firmware="0.1.0",
            build=reports.BENCH,
            board="band_v1",
            last_dseq=0,
        ),
        band.heartbeat(),
        band.seal(reports.FAULT, uptime_ms=UPTIME_MS, code=reports.STATE_LOST),
        band.seal(reports.LINK_LOST, uptime_ms=UPTIME_MS),
    ]
    await bring(heart, *((band, one) for one in sent))
    for event in await heart.events():
        assert event.body_form == "clear"
        assert reports.decode_report(event.body).type == event.report_type


async def test_every_other_report_is_sealed_for_the_wearer(heart: Core) -> None:
    band = await heart.add_band()
    others = (reports.ALARM, 6, 31, 32, 63, 64, 0)
    bodies = [bytes((0xA2, 0, type_, 1, 5)) for type_ in others if type_ < 24]
    bodies += [bytes((0xA2, 0, 0x18, type_, 1, 5)) for type_ in others if type_ >= 24]
    await bring(heart, *((band, band.seal_body(body)) for body in bodies))
    events = await heart.events()
    assert {event.report_type for event in events} == set(others)
    assert {event.body_form for event in events} == {"person"}
    assert not {event.body for event in events} & set(bodies)
