# SPDX-License-Identifier: Apache-2.0
"""A planned visit is expected, done, missed or called off; each step says who did it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import clock
from opaska_gateway.errors import Refused
from opaska_gateway.registry import carers, people, planned
from opaska_gateway.registry.change import Change
from tests.support.carers import add_card, new_uid, touch
from tests.support.gateway_core import core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_gateway.store import Store
    from tests.gateway.registry.conftest import NewChange

HOUR = 3_600_000


async def add_person(change: Change) -> str:
    person_id = (await people.add(change, {"name": "Maria Nowak"})).hex()
    await people.live_at(change, person_id, "Europe/Warsaw", None)
    return person_id


async def listed(store: Store, now_ms: int) -> list[dict[str, Any]]:
    async with store.database.read() as connection:
        return await planned.list_all(connection, store.vault, 0, now_ms)


async def test_a_visit_is_planned_for_weeks_at_the_same_hour_of_the_day(
    store: Store, changing: NewChange
) -> None:
    async with changing() as change:
        person = await add_person(change)
        anna = (await carers.add(change, {"name": "Anna"})).hex()
        at = "2099-10-20 09:00"  # the clocks are set back five days later
        ids = await planned.add(change, person, at, 45, 2, anna, weeks=2)
    lines = await listed(store, clock.now_ms())
    assert [_utc(line["at_ms"]) for line in lines] == ["2099-10-20 07:00", "2099-10-27 08:00"]
    assert [line["id"] for line in lines] == [one.hex() for one in ids]
    assert {
        (line["carer"], line["service"], line["minutes"], line["state"]) for line in lines
    } == {("Anna", 2, 45, "expected")}


async def test_a_planned_visit_is_called_off_once(store: Store, changing: NewChange) -> None:
    async with changing() as change:
        person = await add_person(change)
        (id_,) = await planned.add(change, person, "2099-01-01 09:00", 45)
    async with changing() as change:
        await planned.call_off(change, id_.hex()[:8], "hospital")
    (line,) = await listed(store, clock.now_ms())
    assert (line["state"], line["carer"], line["by"]) == ("called off", "anybody", "os:tester")
    async with changing() as change:
        with pytest.raises(Refused, match="called off already"):
            await planned.call_off(change, id_.hex(), "hospital")


@pytest.mark.parametrize(
    ("at", "more", "advice"),
    [
        ("2020-01-01", {}, "still to come"),
        ("soon", {}, "write 2026-12-24"),
        ("2099-01-01", {"minutes": 0}, "1 to 1440"),
        ("2099-01-01", {"service": 0}, "1 to 99"),
        ("2099-01-01", {"weeks": 54}, "1 to 53"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    store: Store, changing: NewChange, at: str, more: dict[str, Any], advice: str
) -> None:
    async with changing() as change:
        person = await add_person(change)
        with pytest.raises(Refused, match=advice):
            await planned.add(change, person, at, **_plan(more))
    assert await listed(store, clock.now_ms()) == []


async def test_a_visit_that_comes_makes_its_plan_done_and_else_it_is_missed(
    tmp_path: Path,
) -> None:
    async with core(tmp_path) as heart:
        band, tag = await heart.add_band(), new_uid()
        await add_card(heart, band, tag)
        now = clock.now_ms()
        assert band.person_id is not None
        person = band.person_id.hex()
        async with heart.database.write() as connection:
            change = Change(connection, heart.vault, "os:tester", now)
            await planned.add(change, person, _iso(now + HOUR), 45)
            await planned.add(change, person, _iso(now + 9 * HOUR), 45)
        await bring(heart, (band, touch(band, tag)), received_ms=now)
        async with heart.database.read() as connection:
            lines = await planned.list_all(connection, heart.vault, 0, now + 12 * HOUR)
        ((number,),) = await heart.rows("SELECT event_id FROM visit_touch")
        assert [(line["state"], line["visit"]) for line in lines] == [
            ("done", number),
            ("missed", None),
        ]


def _plan(more: dict[str, Any]) -> dict[str, Any]:
    return {"minutes": 45, **more}


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
