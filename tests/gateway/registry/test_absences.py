# SPDX-License-Identifier: Apache-2.0
"""Absences are dated, audited, and say why only under the person's own key."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from opaska_gateway.database.tables import absence, place
from opaska_gateway.database.tables import audit as audit_table
from opaska_gateway.errors import Refused
from opaska_gateway.registry import absences, people, places
from opaska_gateway.registry.change import Change
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store
from tests.gateway.registry.conftest import NewChange
from tests.gateway.registry.test_people import on_disk

FACTS = {"name": "Maria Nowak"}
DAY_MS = 86_400_000


def local_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def _soon(now: Change) -> str:
    """A day from now."""
    return _text(now.at_ms + DAY_MS)


async def test_an_absence_is_meant_where_the_person_lives_and_why_is_sealed(
    store: Store, storage: StorageSettings, changing: NewChange
) -> None:
    async with changing() as now:
        person_id = await people.add(now, FACTS)
        await people.live_at(now, person_id.hex(), "Europe/Warsaw", None)
        text, why = person_id.hex()[:8], "Hüftoperation"
        await absences.add(now, text, "2099-12-24", "2099-12-27 14:00", why)
        at_ms = now.at_ms
    async with store.database.read() as connection:
        (line,) = await absences.list_all(connection, store.vault, at_ms)
        audit = (await connection.execute(select(audit_table))).all()
    assert line["from_ms"] == local_ms("2099-12-24 00:00+01:00")
    assert line["to_ms"] == local_ms("2099-12-27 14:00+01:00")
    assert (line["name"], line["why"], line["now"]) == ("Maria Nowak", why, False)
    assert (audit[-1].what, audit[-1].to_value) == (
        "absence_added",
        "2099-12-23T23:00:00Z 2099-12-27T13:00:00Z",
    )
    assert why.encode() not in on_disk(storage)


async def test_without_a_beginning_it_begins_now_and_is_half_open(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        person_id = await people.add(now, FACTS)
        end = datetime.fromtimestamp(now.at_ms / 1000 + 3_600, UTC).isoformat()
        await absences.add(now, person_id.hex(), None, end, "journey")
        at_ms = now.at_ms
    async with store.database.read() as connection:
        (line,) = await absences.list_all(connection, store.vault, at_ms)
        assert (line["from_ms"], line["now"]) == (at_ms, True)
        assert await absences.list_all(connection, store.vault, line["to_ms"]) == []


@pytest.mark.parametrize(
    ("begin", "end", "why", "advice"),
    [
        ("2099-12-27", "2099-12-24", "x", "later --until"),
        ("2099-12-24", "2099-12-24", "x", "later --until"),
        (None, "2020-01-01", "x", "later --until"),
        ("2000-01-01", "2000-01-02", "x", "later --until"),
        ("2099-01-01", "2100-02-01", "x", "366 days"),
        ("Christmas", "2099-12-24", "x", "2026-12-24"),
        (None, "24.12.2099", "x", "2026-12-24"),
        (None, "2099-12-24", " ", "--why"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_advice(
    changing: NewChange, begin: str | None, end: str, why: str, advice: str
) -> None:
    async with changing() as now:
        person_id = await people.add(now, FACTS)
        with pytest.raises(Refused, match=advice):
            await absences.add(now, person_id.hex(), begin, end, why)


async def test_who_is_back_ends_what_runs_and_keeps_what_is_planned(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        text = (await people.add(now, FACTS)).hex()
        await absences.add(now, text, _text(now.at_ms - 200 * DAY_MS), _soon(now), "hospital")
        await absences.add(now, text, "2099-12-24", "2099-12-27", "journey")
    async with changing() as now:
        assert await absences.end(now, text) == 1
        with pytest.raises(Refused, match="--planned"):
            await absences.end(now, text)
        ended_ms = now.at_ms
    async with store.database.read() as connection:
        query = select(absence.c.to_ms).order_by(absence.c.to_ms)
        was, planned = (await connection.execute(query)).scalars().all()
        what = (await connection.execute(select(audit_table.c.what))).scalars().all()
    assert (was, planned) == (ended_ms, local_ms("2099-12-27 00:00+01:00"))
    assert what.count("absence_ended") == 1


async def test_who_does_not_go_calls_off_what_is_planned(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        text = (await people.add(now, FACTS)).hex()
        await absences.add(now, text, None, _soon(now), "hospital")
        await absences.add(now, text, "2099-12-24", "2099-12-27", "journey")
    async with changing() as now:
        assert await absences.end(now, text, planned_too=True) == 2
        with pytest.raises(Refused, match="not absent;"):
            await absences.end(now, text, planned_too=True)
    async with store.database.read() as connection:
        assert await absences.list_all(connection, store.vault, now.at_ms) == []
        what = (await connection.execute(select(audit_table.c.what))).scalars().all()
    assert what.count("absence_ended") == 2


async def test_an_erased_person_leaves_neither_reason_nor_area(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        text = (await people.add(now, FACTS)).hex()
        await people.live_at(now, text, "Europe/Warsaw", "Rynek 1, 32-420 Gdów")
        await absences.add(now, text, None, _soon(now), "hospital")
        await people.erase(now, text, "asked")
    async with store.database.read() as connection:
        assert (await connection.execute(select(absence.c.sealed))).scalar() is None
        assert (await connection.execute(select(place.c.area))).scalar() is None
        assert await absences.list_all(connection, store.vault, 0) == []


@pytest.mark.parametrize(
    ("address", "area"),
    [
        ("Rynek 1, 32-420 Gdów", "32-4"),
        ("00-950 Warszawa", "00-9"),
        ("Długa 17/32-4200", None),
        ("tel. 600-100-200", None),
        ("", None),
    ],
)
def test_no_more_than_the_postal_district_is_taken_from_an_address(
    address: str, area: str | None
) -> None:
    assert places.postal_district(address) == area
