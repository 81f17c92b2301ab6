# SPDX-License-Identifier: Apache-2.0
"""Settings are ordered by name, within what a band takes, each order with a higher number."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from opaska_gateway.database.tables import assignment, band_order
from opaska_gateway.errors import Refused
from opaska_gateway.registry import assignments, bands, orders, people
from opaska_gateway.store import Store
from opaska_protocol import cbor
from tests.gateway.registry.conftest import NewChange

# (words, what they mean)
WORDS: list[tuple[list[str], dict[str, Any]]] = [
    (["hold_ms=0"], {"hold_ms": 0}),
    (["hold_ms=1000"], {"hold_ms": 1000}),
    (["heartbeat_s=60", "quiet=true"], {"heartbeat_s": 60, "quiet": True}),
    (["quiet=false"], {"quiet": False}),
]
REFUSED = [
    [],
    ["hold_ms"],
    ["hold_ms="],
    ["hold_ms=1001"],
    ["hold_ms=-1"],
    ["hold_ms=1.5"],
    ["hold_ms=true"],
    ["hold_ms=" + "9" * 5000],
    ["hold_ms=٣"],
    ["heartbeat_s=59"],
    ["heartbeat_s=3601"],
    ["quiet=1"],
    ["quiet=yes"],
    ["sos=false"],
    ["hold_ms=500", "volume=3"],
]


@pytest.mark.parametrize(("words", "settings"), WORDS)
def test_settings_are_read_by_name(words: list[str], settings: dict[str, Any]) -> None:
    assert orders.parse_settings(words) == settings


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words)[:20] or "none")
def test_what_no_band_takes_is_refused_with_what_it_takes(words: list[str]) -> None:
    with pytest.raises(Refused, match=r"write hold_ms=0\.\.1000, heartbeat_s=60\.\.3600, quiet="):
        orders.parse_settings(words)


async def test_orders_rise_and_carry_all_the_wearer_has(store: Store, changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        anna = await people.add(now, {"name": "Anna"})
        await assignments.assign(now, anna.hex(), "7")
        assert await orders.set_band(now, "7", {"hold_ms": 800}) == 1
        assert await orders.set_band(now, "7", {"quiet": True}) == 2
    async with store.database.read() as connection:
        rows = (await connection.execute(select(band_order).order_by(band_order.c.dseq))).all()
        settings = (await connection.execute(select(assignment.c.settings))).scalar_one()
    assert [cbor.decode(row.arguments) for row in rows] == [{1: 800}, {1: 800, 3: True}]
    assert settings == {"hold_ms": 800, "quiet": True}


async def test_the_next_wearer_is_known_to_have_the_settings_the_band_has(
    changing: NewChange,
) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        anna = await people.add(now, {"name": "Anna"})
        await assignments.assign(now, anna.hex(), "7")
        await orders.set_band(now, "7", {"hold_ms": 800})
        await assignments.unassign(now, "7")
        await assignments.assign(now, anna.hex(), "7")
        worn = select(assignment.c.settings).where(assignment.c.to_ms.is_(None))
        assert (await now.connection.execute(worn)).scalar_one() == {"hold_ms": 800}


async def test_a_revoked_band_takes_no_orders(changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        await bands.revoke(now, "7", "lost")
        with pytest.raises(Refused, match="takes no orders"):
            await orders.set_band(now, "7", {"hold_ms": 800})
