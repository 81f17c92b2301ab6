# SPDX-License-Identifier: Apache-2.0
"""Promise 10: whoever has a band, and its key, makes the gateway neither slow nor full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from opaska_gateway import allowance, clock
from opaska_gateway.database import band_settings, echoes
from opaska_gateway.lanes import URGENT_BURST, Lanes
from opaska_protocol import answers
from opaska_protocol.orders import SETTINGS
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand

A_DAY = 20
DAY_MS = 86_400_000


@pytest.fixture
def a_short_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "A_DAY", float(A_DAY))


async def _beat(heart: Core, band: CoreBand, times: int = 1) -> None:
    await bring(heart, *((band, band.heartbeat()) for _ in range(times)))


async def _refused(heart: Core) -> list[tuple[str, int]]:
    return [tuple(row) for row in await heart.rows("SELECT reason, count FROM refusal_count")]


@pytest.mark.usefixtures("a_short_day")
async def test_a_band_that_sent_more_than_any_can_has_no_telemetry_stored_for_a_while(
    heart: Core,
) -> None:
    flooding, quiet = await heart.add_band(), await heart.add_band()
    await _beat(heart, flooding, A_DAY)
    await _beat(heart, flooding, 5)
    await _beat(heart, quiet)
    assert len(await heart.events()) == A_DAY + 1
    assert flooding.states() == []
    assert quiet.states() == [answers.STORED]
    assert await _refused(heart) == [("flood", 5)]
    with clock.driven_by(Later(DAY_MS // 2)):
        await _beat(heart, flooding)
    assert flooding.states() == [answers.STORED]


@pytest.mark.usefixtures("a_short_day")
async def test_its_alarms_are_stored_for_ever(heart: Core) -> None:
    band = await heart.add_band()
    for _ in range(2 * A_DAY):
        await bring(heart, (band, band.sos()))
        assert band.states() == [answers.STORED]


@pytest.mark.usefixtures("a_short_day")
async def test_repeats_of_a_band_whose_answers_are_lost_spend_nothing(heart: Core) -> None:
    band = await heart.add_band()
    kept = band.heartbeat()
    for _ in range(A_DAY):
        await bring(heart, (band, kept))
    await _beat(heart, band)
    assert band.states() == [answers.STORED]


@pytest.mark.usefixtures("a_short_day")
async def test_the_slow_lane_is_not_for_a_band_that_sent_more_than_any_can(heart: Core) -> None:
    band = await heart.add_band()
    lanes = Lanes(heart.context.allowance)
    alarms = [band.sos() for _ in range(int(URGENT_BURST) + 10)]
    await _beat(heart, band, A_DAY)
    for alarm in alarms:
        lanes.put(heart.arrival(band, alarm))
    assert int(URGENT_BURST) <= len(lanes) < len(alarms)
    assert lanes.dropped == len(alarms) - len(lanes)


async def test_a_band_that_invents_settings_is_ordered_no_end_of_them(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        await connection.run_sync(
            band_settings.want, band.device_id, band.organisation_id, {"hold_ms": 800}
        )
    for number in range(80):  # each of them later than the one before
        with clock.driven_by(Later(number * 1_000)):
            says = {"settings_version": 1_000 + 10 * number, "last_dseq": number}
            beat = band.heartbeat(uptime_ms=5_000 + number * 1_000, **says)
            await bring(heart, (band, beat), received_ms=clock.now_ms())
    async with heart.database.read() as connection:
        known = await connection.run_sync(band_settings.known, band.device_id)
    (rows,) = (await heart.rows("SELECT count(*) FROM band_settings"))[0]
    orders = await heart.rows("SELECT 1 FROM band_order WHERE kind = :kind", kind=SETTINGS)
    assert rows <= band_settings.VERSIONS_KEPT + 2
    assert len(orders) == band_settings.ORDERS_A_DAY
    assert known.desired is not None
    assert known.desired.settings == {"hold_ms": 800}, "what its wearer is to have stays"
    assert known.reported is not None
    assert known.reported.version == 1_790
    with clock.driven_by(Later(DAY_MS + 80_000)):
        await bring(heart, (band, band.heartbeat(settings_version=5_000)))
    assert band.orders[-1][2][1] == 800, "and is ordered again the next day"


async def test_alarms_that_nobody_echoes_hold_up_no_heartbeat_and_no_change(heart: Core) -> None:
    band = await heart.add_band()
    most = 2 * echoes.MOST
    await bring(heart, *((band, band.sos()) for _ in range(most)))
    async with heart.database.write() as connection:
        await connection.execute(text("UPDATE event SET answer_state = 3"))
    async with heart.database.read() as connection:
        looked_at = (await connection.execute(echoes._WAITING, {"device": band.device_id})).all()
    assert len(looked_at) == echoes.MOST
    band.answers.clear()
    await heart.context.changed_elsewhere()
    assert len(band.answers) == echoes.MOST, "of each band so many, and the newest"
    assert {seq for _, seq, _ in band.answers} == set(range(most - echoes.MOST + 1, most + 1))
    band.answers.clear()
    newest = [[band.boot, most, answers.TAKEN], [band.boot, most - 1, answers.TAKEN]]
    await bring(heart, (band, band.heartbeat(answers=newest)))
    told = [seq for _, seq, state in band.answers if state == answers.TAKEN]
    assert told == [most - 2, most - 3, most - 4, most - 5]
    band.restart()
    for _ in range(3):  # it has forgotten them: their turn comes
        await _beat(heart, band)
    assert not await heart.rows("SELECT 1 FROM event WHERE answer_state > 1 AND echoed_state = 0")
