# SPDX-License-Identifier: Apache-2.0
"""A band is on one wrist at a time, and it stays known who wore it when."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from opaska_gateway import clock, order_arguments
from opaska_gateway.database import orders
from opaska_gateway.database.tables import agreement, assignment, band_order, device, place
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import (
    assignments,
    bands,
    organisations,
    people,
    vitals,
    whereabouts,
)
from opaska_gateway.registry.change import Change
from opaska_gateway.store import Store
from opaska_protocol.orders import LOCATE, MEASURE, ZONES
from tests.gateway.registry.conftest import NewChange


class Hand:
    """A clock that a test sets by hand."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


async def two_people_and_a_band(now: Change) -> tuple[str, str]:
    await bands.add(now, "7")
    first = await people.add(now, {"name": "Anna"})
    second = await people.add(now, {"name": "Barbara"})
    return first.hex(), second.hex()


async def intervals(store: Store) -> list[tuple[int, int | None]]:
    async with store.database.read() as connection:
        query = select(assignment.c.from_ms, assignment.c.to_ms).order_by(assignment.c.from_ms)
        return [(row.from_ms, row.to_ms) for row in await connection.execute(query)]


async def test_a_band_passes_from_wrist_to_wrist(store: Store, changing: NewChange) -> None:
    hand = Hand(1_000)
    with clock.driven_by(hand):
        async with changing() as now:
            first, second = await two_people_and_a_band(now)
            await assignments.assign(now, first, "7", "1409")
        async with changing() as now:
            with pytest.raises(Refused, match="worn already; first: opaska people unassign 7"):
                await assignments.assign(now, second, "7", "140A")
        hand.at_ms = 2_000
        async with changing() as now:
            await assignments.unassign(now, "7", "back")
            with pytest.raises(Refused, match="nobody wears band 7"):
                await assignments.unassign(now, "7")
        hand.at_ms = 3_000
        async with changing() as now:
            await assignments.assign(now, second, "7", "140A")
    assert await intervals(store) == [(1_000, 2_000), (3_000, None)]


@pytest.mark.parametrize("is_other", [True, False])
async def test_the_next_wearer_is_not_sought_nor_watched_for_the_last_one(
    store: Store, changing: NewChange, is_other: bool
) -> None:
    hand = Hand(1_000)
    with clock.driven_by(hand):
        async with changing() as now:
            first, second = await two_people_and_a_band(now)
            await assignments.assign(now, first, "7")
            await whereabouts.set_zones(now, "7", ["1=52.2,21.0,300"], "dementia")
            await whereabouts.locate(now, "7", "lost")
            await vitals.measure(now, "7", "ill")
        hand.at_ms = 2_000
        async with changing() as now:
            await assignments.unassign(now, "7")
        hand.at_ms = 3_000
        async with changing() as now:
            await assignments.assign(now, second if is_other else first, "7")
        async with store.database.read() as connection:
            device_id, kid = (await connection.execute(select(device.c.id, device.c.kid))).one()
            waiting = await connection.run_sync(orders.waiting, device_id)
    opened = [
        (dseq, kind, order_arguments.opened(store.vault, kid, kind, kept))
        for dseq, kind, kept in waiting
    ]
    home = {1: [522_000_000, 210_000_000, 300]}
    assert opened == (
        [(4, ZONES, {})] if is_other else [(1, ZONES, home), (2, LOCATE, {}), (3, MEASURE, {})]
    )


@pytest.mark.parametrize("is_new_band", [True, False])
async def test_safe_zones_go_with_their_wearer_to_another_band_and_to_another_key(
    store: Store, changing: NewChange, is_new_band: bool
) -> None:
    hand = Hand(1_000)
    label = "8" if is_new_band else "7"
    with clock.driven_by(hand):
        async with changing() as now:
            first, second = await two_people_and_a_band(now)
            await bands.add(now, "8")
            await assignments.assign(now, first, "7")
            await whereabouts.set_zones(now, "7", ["1=52.2,21.0,300"], "dementia")
            await assignments.assign(now, second, "8")
            await whereabouts.set_zones(now, "8", ["2=53.2,21.0,300"], "dementia")
        async with store.database.write() as connection:  # both bands have theirs
            await connection.execute(update(band_order).values(echoed_ms=1_500))
        hand.at_ms = 2_000
        async with changing() as now:
            await assignments.unassign(now, "7")
            await assignments.unassign(now, "8")
            await bands.rekey(now, label)
        hand.at_ms = 3_000
        async with changing() as now:
            await assignments.assign(now, first, label)
            assert await _zones_waiting(now, label) == [{1: [522_000_000, 210_000_000, 300]}]


async def test_zones_that_a_band_was_given_in_store_are_those_of_its_next_wearer(
    changing: NewChange,
) -> None:
    hand = Hand(1_000)
    with clock.driven_by(hand):
        async with changing() as now:
            first, _ = await two_people_and_a_band(now)
            await bands.add(now, "8")
            await assignments.assign(now, first, "7")
            await whereabouts.set_zones(now, "7", ["1=52.2,21.0,300"], "dementia")
        hand.at_ms = 2_000
        async with changing() as now:
            await assignments.unassign(now, "7")
            await whereabouts.set_zones(now, "8", ["2=53.2,21.0,300"], "has moved")
            await assignments.assign(now, first, "8")
            assert await _zones_waiting(now, "8") == [{2: [532_000_000, 210_000_000, 300]}]


async def _zones_waiting(now: Change, label: str) -> list[dict[int, Any]]:
    query = select(device.c.id, device.c.kid).where(device.c.label == label)
    device_id, kid = (await now.connection.execute(query)).one()
    waiting = await now.connection.run_sync(orders.waiting, device_id)
    return [
        order_arguments.opened(now.vault, kid, kind, kept)
        for _, kind, kept in waiting
        if kind == ZONES
    ]


async def test_intervals_never_overlap_when_the_clock_goes_back(
    store: Store, changing: NewChange
) -> None:
    hand = Hand(1_000)
    with clock.driven_by(hand):
        async with changing() as now:
            first, second = await two_people_and_a_band(now)
        hand.at_ms = 5_000
        async with changing() as now:
            await assignments.assign(now, first, "7")
        for at_ms in (5_000, 1_000):
            hand.at_ms = at_ms
            async with changing() as now:
                await assignments.unassign(now, "7")
                await assignments.assign(now, second, "7")
    assert await intervals(store) == [(5_000, 5_001), (5_001, 5_002), (5_002, None)]


@pytest.mark.parametrize("account", ["", "12", "xyz", "1" * 17, "14 9", "ＡＢＣ"])
async def test_an_account_no_receiver_takes_is_refused(changing: NewChange, account: str) -> None:
    async with changing() as now:
        first, _ = await two_people_and_a_band(now)
        with pytest.raises(Refused, match="write 3 to 16 hex digits"):
            await assignments.assign(now, first, "7", account)


async def test_the_newest_home_goes_with_the_band(store: Store, changing: NewChange) -> None:
    hand = Hand(1_000)
    with clock.driven_by(hand):
        async with changing() as now:
            first, _ = await two_people_and_a_band(now)
            await people.live_at(now, first, "Europe/Warsaw", "old")
        hand.at_ms = 2_000
        async with changing() as now:
            home = await people.live_at(now, first, "Europe/Lisbon", "new")
            await assignments.assign(now, first, "7")
    async with store.database.read() as connection:
        query = select(place.c.id, place.c.time_zone).join_from(assignment, place)
        assert (await connection.execute(query)).one() == (home, "Europe/Lisbon")


async def test_the_agreement_in_force_is_taken_or_the_one_that_is_named(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        first, _ = await two_people_and_a_band(now)
        other = await organisations.add(now, "Centre", handling="external")
    async with store.database.read() as connection:
        rows = {row["id"]: row["agreement_id"] for row in await organisations.list_all(connection)}
    async with changing() as now:
        await assignments.assign(now, first, "7", agreement=rows[other].hex()[:12])
        taken = (await now.connection.execute(select(assignment.c.agreement_id))).scalar_one()
        assert taken == rows[other]
        await assignments.unassign(now, "7")
        await now.connection.execute(agreement.update().values(to_ms=now.at_ms + 1))
    hand = Hand(clock.now_ms() + 10_000)
    with clock.driven_by(hand):
        async with changing() as now:
            with pytest.raises(NotFound, match="no agreement in force"):
                await assignments.assign(now, first, "7")
            with pytest.raises(NotFound, match="is not in force"):
                await assignments.assign(now, first, "7", agreement=rows[other].hex())
