# SPDX-License-Identifier: Apache-2.0
"""Settings are ordered by name, as whole sets that fit together, and belong to the wearer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from opaska_gateway.database.tables import assignment, band_order
from opaska_gateway.errors import Refused
from opaska_gateway.registry import assignments, bands, orders, people
from opaska_gateway.registry.change import Change
from opaska_gateway.store import Store
from opaska_protocol import cbor
from tests.gateway.registry.conftest import NewChange

# (words, what they mean)
WORDS: list[tuple[list[str], dict[str, Any]]] = [
    (["hold_ms=0"], {"hold_ms": 0}),
    (["hold_ms=1000"], {"hold_ms": 1000}),
    (["heartbeat_s=60", "quiet=true"], {"heartbeat_s": 60, "quiet": True}),
    (["quiet=false"], {"quiet": False}),
    (["utc_offset_min=-720", "hr_low=default"], {"utc_offset_min": -720, "hr_low": None}),
]
# (words, what the message says)
REFUSED = [
    ([], "nothing to order; write hold_ms=0..1000, heartbeat_s=60..3600, quiet=true or false"),
    (["hold_ms"], "hold_ms cannot be ordered; write hold_ms=0..1000, or hold_ms=default"),
    (["hold_ms="], "write hold_ms=0..1000"),
    (["hold_ms=1001"], "hold_ms=1001 cannot be ordered; write hold_ms=0..1000"),
    (["hold_ms=-1"], "write hold_ms=0..1000"),
    (["hold_ms=1.5"], "write hold_ms=0..1000"),
    (["hold_ms=true"], "write hold_ms=0..1000"),
    (["hold_ms=" + "9" * 5000], "write hold_ms=0..1000"),
    (["hold_ms=٣"], "write hold_ms=0..1000"),
    (["heartbeat_s=59"], "write heartbeat_s=60..3600"),
    (["heartbeat_s=3601"], "write heartbeat_s=60..3600"),
    (["quiet=1"], "write quiet=true or false"),
    (["quiet=yes"], "write quiet=true or false"),
    (["utc_offset_min=-721"], "write utc_offset_min=-720..840"),
    (["hr_low=201"], "write hr_low=0..200"),
    (["sos=false"], "there is no setting sos; write hold_ms=0..1000"),
    (["version=7"], "there is no setting version; write hold_ms=0..1000"),
    (["hold_ms=500", "volume=3"], "there is no setting volume"),
]
CLASHES = [
    (["hr_low=90", "hr_high=90"], "hr_low must be below hr_high"),
    (["hr_high=130", "pulse_minutes=0"], "need a pulse: pulse_minutes above 0"),
    (["spo2_low=88", "pulse_minutes=0"], "need a pulse: pulse_minutes above 0"),
    (["awake_to=420"], "awake_from must be before awake_to"),
    (["inactive_hours=16"], "inactive_hours must fit between awake_from and awake_to"),
]
WHOLE = {"hold_ms": 800, "quiet": True}


@pytest.mark.parametrize(("words", "settings"), WORDS)
def test_settings_are_read_by_name(words: list[str], settings: dict[str, Any]) -> None:
    assert orders.parse_settings(words) == settings


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=lambda one: " ".join(one)[:20])
def test_what_no_band_takes_is_refused_with_its_range(words: list[str], message: str) -> None:
    with pytest.raises(Refused, match=re.escape(message)):
        orders.parse_settings(words)


@pytest.mark.parametrize(("words", "message"), CLASHES, ids=lambda one: " ".join(one)[:20])
async def test_settings_that_do_not_fit_together_are_refused_and_change_nothing(
    words: list[str], message: str, changing: NewChange
) -> None:
    async with changing() as now:
        await _anna_wears(now, "7")
        with pytest.raises(Refused, match=message):
            await orders.set_band(now, "7", orders.parse_settings(words))
        assert await _desired(now) == {}
        assert (await now.connection.execute(select(band_order))).all() == []


async def test_what_clashes_with_settings_of_before_is_refused(changing: NewChange) -> None:
    async with changing() as now:
        await _anna_wears(now, "7")
        await orders.set_band(now, "7", {"hr_low": 50})
        with pytest.raises(Refused, match="hr_low must be below hr_high"):
            await orders.set_band(now, "7", {"hr_high": 45})
        await orders.set_band(now, "7", {"hr_high": 45, "hr_low": None})
        assert await _desired(now) == {"hr_high": 45}


async def test_orders_rise_and_carry_the_whole_set_under_its_version(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        await _anna_wears(now, "7")
        assert await orders.set_band(now, "7", {"hold_ms": 800}) == (1, 1)
        assert await orders.set_band(now, "7", {"quiet": True}) == (2, 2)
        assert await orders.set_band(now, "7", {"quiet": True}) == (2, 3), "the same set again"
        assert await orders.set_band(now, "7", {"hold_ms": None}) == (3, 4)
        assert await _desired(now) == {"quiet": True}
    async with store.database.read() as connection:
        rows = (await connection.execute(select(band_order).order_by(band_order.c.dseq))).all()
    assert [cbor.decode(row.arguments) for row in rows] == [
        {0: 1, 1: 800},
        {0: 2, 1: 800, 3: True},
        {0: 2, 1: 800, 3: True},
        {0: 3, 3: True},
    ]


async def test_a_wearer_keeps_her_settings_when_the_same_band_comes_back(
    changing: NewChange,
) -> None:
    async with changing() as now:
        anna = await _anna_wears(now, "7")
        await orders.set_band(now, "7", WHOLE)
        await assignments.unassign(now, "7")
        await assignments.assign(now, anna, "7")
        assert await _desired(now) == WHOLE
        assert len((await now.connection.execute(select(band_order))).all()) == 1, "it has them"


async def test_another_band_of_the_same_wearer_gets_the_whole_set(changing: NewChange) -> None:
    async with changing() as now:
        anna = await _anna_wears(now, "7")
        await orders.set_band(now, "7", WHOLE)
        await assignments.unassign(now, "7", "broken")
        await bands.add(now, "8")
        await assignments.assign(now, anna, "8")
        assert await _desired(now) == WHOLE
        shown = await orders.shown(now.connection, "8")
        assert shown["desired_version"] == 1
        assert {one["name"]: one["desired"] for one in shown["settings"]}["hold_ms"] == 800


async def test_the_next_wearer_of_a_band_does_not_get_the_settings_of_the_last(
    changing: NewChange,
) -> None:
    async with changing() as now:
        await _anna_wears(now, "7")
        await orders.set_band(now, "7", WHOLE)
    async with changing() as now:
        await assignments.unassign(now, "7")
        barbara = await people.add(now, {"name": "Barbara"})
        await assignments.assign(now, barbara.hex(), "7")
        assert await _desired(now) == {}
        rows = (await now.connection.execute(select(band_order.c.arguments))).scalars().all()
        assert [cbor.decode(row) for row in rows] == [{0: 1, 1: 800, 3: True}, {0: 2}]


async def test_what_a_band_was_given_in_store_is_for_its_next_wearer(changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        await orders.set_band(now, "7", {"hold_ms": 800})
        assert await orders.set_band(now, "7", {"quiet": True}) == (2, 2)
        anna = await people.add(now, {"name": "Anna"})
        await assignments.assign(now, anna.hex(), "7")
        assert await _desired(now) == WHOLE


async def test_a_revoked_band_takes_no_orders(changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        await bands.revoke(now, "7", "lost")
        with pytest.raises(Refused, match="takes no orders"):
            await orders.set_band(now, "7", {"hold_ms": 800})


async def _anna_wears(now: Change, label: str) -> str:
    await bands.add(now, label)
    anna = await people.add(now, {"name": "Anna"})
    await assignments.assign(now, anna.hex(), label)
    return anna.hex()


async def _desired(now: Change) -> dict[str, Any]:
    """The settings of the assignment that holds."""
    worn = select(assignment.c.settings).where(assignment.c.to_ms.is_(None))
    settings: dict[str, Any] = (await now.connection.execute(worn)).scalar_one()
    return settings
