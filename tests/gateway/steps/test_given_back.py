# SPDX-License-Identifier: Apache-2.0
"""An alarm that turns out to be an earlier wearer's rings for her, and hides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock, desk
from opaska_protocol import answers
from tests.support.gateway_core import assign
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.gateway_core import Core, CoreBand

HOUR = 3_600_000


async def _alarm_of_an_earlier_wearer(
    heart: Core, *, worn_since: bool, first: bool = False
) -> tuple[CoreBand, bytes]:
    """An SOS that turns out to be of before the band was given back, or on; her id. With `first`
    she has an open case by then."""
    band = await heart.add_band(worn=False)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> bytes:
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        if worn_since:
            assign(connection, heart.vault, band, now - HOUR)
        return earlier

    earlier = await heart.database.transact(hand_over)
    if first:
        known = band.heartbeat(uptime_ms=9 * HOUR)
        await bring(heart, (band, known), received_ms=now)
        await bring(heart, (band, band.sos(uptime_ms=6 * HOUR)), received_ms=now)
        band.restart()
    await bring(heart, (band, band.sos(uptime_ms=HOUR)), received_ms=now)
    await bring(heart, (band, band.heartbeat(uptime_ms=4 * HOUR)), received_ms=now + 100)
    return band, earlier


@pytest.mark.parametrize("worn_since", [False, True])
async def test_an_alarm_of_an_earlier_wearer_rings_anew_for_her_and_the_wrong_case_stays_open(
    heart: Core, worn_since: bool
) -> None:
    band, earlier = await _alarm_of_an_earlier_wearer(heart, worn_since=worn_since)
    wrong, hers = await heart.cases()
    assert wrong.person_id != earlier
    assert (wrong.person_id is not None) is worn_since
    assert (hers.person_id, hers.state, wrong.state) == (earlier, "ringing", "ringing")
    sos = (await heart.events())[0]
    assert sos.case_id == hers.id
    (row,) = await heart.rows("SELECT case_id, done_ms FROM outbox")
    assert tuple(row) == (hers.id, None)
    await desk.take(heart.context, hers.id, "dispatcher-1")
    assert band.states(1) == [answers.STORED, answers.TAKEN]
    for case in (wrong, hers):
        if case is wrong:
            await desk.take(heart.context, case.id, "dispatcher-1")
        await desk.close(heart.context, case.id, "dispatcher-1", "not_needed")


async def test_an_alarm_of_an_earlier_wearer_rings_in_the_case_that_she_has(heart: Core) -> None:
    _, earlier = await _alarm_of_an_earlier_wearer(heart, worn_since=True, first=True)
    hers = [case for case in await heart.cases() if case.person_id == earlier]
    assert [case.state for case in hers] == ["ringing"]
    assert [one.case_id for one in await heart.events() if one.rings] == [hers[0].id] * 2
