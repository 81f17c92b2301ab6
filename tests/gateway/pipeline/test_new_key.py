# SPDX-License-Identifier: Apache-2.0
"""A hand-over with a new key loses no alarm: neither one that waits on the band, nor the next."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from opaska_gateway import clock, desk
from opaska_gateway.registry import assignments, bands
from opaska_gateway.registry.change import change
from opaska_gateway.store import Store
from opaska_protocol import answers
from opaska_protocol.errors import ProtocolError
from opaska_protocol.reports import TIME_GNSS
from tests.support.gateway_core import assign
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand


class EitherKey:
    """Opens what comes down with the key that the band has now, as a band does."""

    def __init__(self, band: CoreBand) -> None:
        self.band = band
        self.not_opened = 0

    def hear(self, frame: bytes) -> None:
        with suppress(ProtocolError):
            self.band.hear(frame)
            return
        self.not_opened += 1


async def _handed_over(heart: Core, band: CoreBand) -> tuple[int, bytes]:
    """The new generation and key."""
    async with change(Store(heart.database, heart.vault), "os:tester") as now:
        await assignments.unassign(now, band.kid_hex)
        bundle = await bands.rekey(now, band.kid_hex)
    await heart.context.changed_elsewhere()
    heart.bands[band.kid_hex] = EitherKey(band)  # type: ignore[assignment]
    return bundle.generation, bytes.fromhex(bundle.key)


async def test_an_sos_that_waited_under_the_old_key_is_stored_once_for_who_wore_the_band(
    heart: Core,
) -> None:
    band = await heart.add_band()
    wearer, waiting = band.person_id, band.sos(uptime_ms=60_000)
    old_seq = band.seq
    an_hour_ago_ms = clock.now_ms() - 3_600_000
    await bring(heart, (band, band.heartbeat(uptime_ms=60_001)), received_ms=an_hour_ago_ms)
    generation, key = await _handed_over(heart, band)
    band.generation, band.key = generation, key
    band.restart()
    heard = len(band.answers)
    await bring(heart, (band, waiting))
    await bring(heart, (band, waiting))
    stored = [row for row in await heart.events() if row.rings]
    assert [(row.generation, row.person_id) for row in stored] == [(1, wearer)]
    assert set(band.answers[heard:]) == {(1, old_seq, answers.STORED)}  # under the new key
    await bring(heart, (band, band.sos()))
    assert band.states() == [answers.STORED]


async def test_a_band_that_was_not_provisioned_yet_is_heard_and_answered_under_its_old_key(
    heart: Core,
) -> None:
    """On a line without TLS, or one that was open already."""
    band = await heart.add_band()
    await bring(heart, (band, band.heartbeat()))
    await _handed_over(heart, band)
    await bring(heart, (band, band.sos()))
    assert band.states() == [answers.STORED]
    assert len(await heart.cases()) == 1


async def test_a_new_key_reports_nothing_into_the_time_of_the_wearer_before(heart: Core) -> None:
    """Whoever has the band has its key of now: that must not ring in another's name."""
    band = await heart.add_band()
    before = band.person_id
    band.generation, band.key = await _handed_over(heart, band)
    band.restart()
    async with heart.database.write() as connection:
        await connection.run_sync(assign, heart.vault, band, clock.now_ms())
    await heart.context.changed_elsewhere()
    then_s = clock.now_ms() // 1000 - 3 * 3600
    await bring(heart, (band, band.sos(time=[TIME_GNSS, then_s, 1])))
    hours_ms = 5 * 3_600_000  # an uptime tells of a time, too
    await bring(heart, (band, band.heartbeat(uptime_ms=hours_ms)))
    await bring(heart, (band, band.sos(uptime_ms=hours_ms - 4 * 3_600_000)))
    assert {row.person_id for row in await heart.cases()} == {band.person_id} != {before}
    assert {row.person_id for row in await heart.events()} == {band.person_id}


async def test_after_a_revocation_no_key_of_the_band_counts(heart: Core) -> None:
    band = await heart.add_band()
    waiting = band.sos()
    generation, key = await _handed_over(heart, band)
    async with change(Store(heart.database, heart.vault), "os:tester") as now:
        await bands.revoke(now, band.kid_hex, "lost")
    await heart.context.changed_elsewhere()
    band.generation, band.key = generation, key
    await bring(heart, (band, waiting), (band, band.sos()))
    assert await heart.events() == []
    assert band.answers == []


async def test_a_band_whose_boots_count_anew_under_a_new_key_has_nothing_to_echo(
    heart: Core,
) -> None:
    band = await heart.add_band()
    band.boot = 7
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await desk.take(heart.context, case.id, "dispatcher-1")
    band.generation, band.key = await _handed_over(heart, band)
    band.boot, band.seq = 1, 0
    band.answers.clear()
    await bring(heart, (band, band.heartbeat()))
    assert [state for boot, _, state in band.answers if boot == 7] == []
