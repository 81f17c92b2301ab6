# SPDX-License-Identifier: Apache-2.0
"""Settings are ordered until the band reports them, but not without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opaska_gateway import clock
from opaska_gateway.database import band_settings
from opaska_protocol.orders import SETTINGS
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from opaska_gateway.database.band_settings import Known
    from tests.support.gateway_core import Core, CoreBand

HOUR_MS = 3_600_000
VERSIONS = "SELECT version, settings, orders, reported_ms FROM band_settings ORDER BY version"


async def _want(heart: Core, band: CoreBand, **settings: Any) -> tuple[int, int]:
    async with heart.database.write() as connection:
        ordered = await connection.run_sync(
            band_settings.want, band.device_id, band.organisation_id, settings
        )
    await heart.context.changed_elsewhere()
    return ordered


async def _beat(heart: Core, band: CoreBand, version: int | None, **more: Any) -> None:
    """A heartbeat in which all orders so far are echoed."""
    dseq = max((one[0] for one in band.orders), default=0)
    fields: dict[str, Any] = {"last_dseq": dseq, "settings_version": version, **more}
    await bring(heart, (band, band.heartbeat(**fields)))


async def _known(heart: Core, band: CoreBand) -> Known:
    async with heart.database.read() as connection:
        return await connection.run_sync(band_settings.known, band.device_id)


def _orders(band: CoreBand) -> list[tuple[int, dict[int, Any]]]:
    return [(dseq, arguments) for dseq, kind, arguments in band.orders if kind == SETTINGS]


async def test_a_version_that_the_band_reports_is_ordered_once(heart: Core) -> None:
    band = await heart.add_band()
    assert await _want(heart, band, hold_ms=800) == (1, 1)
    for _ in range(5):
        await _beat(heart, band, 1)
    assert _orders(band) == [(1, {0: 1, 1: 800})]
    desired, reported, _ = await _known(heart, band)
    assert desired == reported
    assert reported is not None
    assert reported.reported_ms is not None


async def test_a_band_as_it_was_made_is_asked_nothing_and_costs_no_row(heart: Core) -> None:
    band = await heart.add_band()
    for version in (0, 0, None):
        await _beat(heart, band, version)
    assert band.orders == []
    assert await heart.rows(VERSIONS) == []


async def test_a_version_that_was_lost_behind_its_number_is_ordered_again(heart: Core) -> None:
    """The power was cut between the number of the order and its effect."""
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    await _beat(heart, band, 0)
    assert _orders(band) == [(1, {0: 1, 1: 800}), (2, {0: 1, 1: 800})]
    await _beat(heart, band, 1)
    await _beat(heart, band, 1)
    assert len(band.orders) == 2


async def test_an_order_on_its_way_is_not_ordered_beside(heart: Core) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    band.orders.clear()
    for _ in range(4):
        await bring(heart, (band, band.heartbeat(last_dseq=0, settings_version=0)))
    assert _orders(band) == [(1, {0: 1, 1: 800})] * 4, "the same order, until it is echoed"


async def test_a_band_that_refuses_is_asked_three_times_and_then_once_a_day(heart: Core) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    for _ in range(10):
        await _beat(heart, band, 0)
    assert len(band.orders) == 1 + band_settings.ORDERS_AT_ONCE
    for hours, more in ((23, 0), (25, 1), (30, 1), (50, 2)):
        with clock.driven_by(Later(hours * HOUR_MS)):
            for _ in range(3):
                await _beat(heart, band, 0, uptime_ms=hours * HOUR_MS)
        assert len(band.orders) == 1 + band_settings.ORDERS_AT_ONCE + more


async def test_a_band_that_forgot_its_settings_gets_them_again_at_once(heart: Core) -> None:
    """Its flash was erased at the bench, months later."""
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    for _ in range(3):
        await _beat(heart, band, 1)
    band.restart()
    await _beat(heart, band, 0)
    assert _orders(band)[-1] == (2, {0: 1, 1: 800})
    await _beat(heart, band, 1)
    assert (await _known(heart, band)).reported == (await _known(heart, band)).desired


async def test_a_heartbeat_that_waited_does_not_take_back_what_came_since(heart: Core) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    late = band.heartbeat(uptime_ms=1_000, last_dseq=0, settings_version=0)
    await _beat(heart, band, 1, uptime_ms=600_000)
    count = len(band.orders)
    await bring(heart, (band, late))
    assert len(band.orders) == count
    reported = (await _known(heart, band)).reported
    assert reported is not None
    assert reported.version == 1


async def test_what_was_reported_while_the_clock_was_wrong_holds_only_until_the_next_heartbeat(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    with clock.driven_by(Later(24 * HOUR_MS)):
        await _beat(heart, band, 1)
    await _want(heart, band, hold_ms=900)
    band.restart()
    await _beat(heart, band, 0)  # and it has lost them
    assert _orders(band)[-1] == (3, {0: 2, 1: 900})
    await _beat(heart, band, 2)
    desired, reported, _ = await _known(heart, band)
    assert desired == reported
    assert reported is not None
    assert reported.version == 2


async def test_a_restored_database_orders_its_set_above_the_version_that_it_never_knew(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    await _beat(heart, band, 9)
    assert _orders(band)[-1] == (2, {0: 10, 1: 800})
    await _beat(heart, band, 10)
    known = await _known(heart, band)
    assert known.desired == known.reported
    assert (await heart.rows(VERSIONS))[1][:2] == (9, None), "it is known that it is not known"
    await _beat(heart, band, 10)
    assert len(band.orders) == 2


async def test_settings_of_another_gateway_make_way_for_the_defaults(heart: Core) -> None:
    band = await heart.add_band()
    await _beat(heart, band, 4)
    assert _orders(band) == [(1, {0: 5})]


async def test_a_band_that_claims_the_highest_version_breaks_nothing(heart: Core) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    await _beat(heart, band, 0xFFFFFFFF)
    assert await _want(heart, band, hold_ms=700) == (2, 2)
    await _beat(heart, band, 2)
    assert _orders(band)[-1] == (2, {0: 2, 1: 700})


async def test_a_change_elsewhere_is_seen_in_the_next_heartbeat_of_a_settled_band(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await _want(heart, band, hold_ms=800)
    for _ in range(3):
        await _beat(heart, band, 1)
    other = heart.new_context()
    other.replies.publish = heart.context.replies.publish
    await _want(heart, band, hold_ms=700)
    await _beat(heart, band, 1)  # echoed, and not in force
    assert _orders(band)[-1] == (3, {0: 2, 1: 700})
