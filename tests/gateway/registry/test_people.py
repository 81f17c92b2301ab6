# SPDX-License-Identifier: Apache-2.0
"""What we know about people is sealed, and gone for good when they are erased."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from opaska_gateway.database import audit
from opaska_gateway.database.tables import assignment, care_case, person, place
from opaska_gateway.database.tables import audit as audit_table
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import assignments, bands, people
from opaska_gateway.registry.change import change, new_id
from opaska_gateway.settings import StorageSettings
from opaska_gateway.store import Store, open_store
from tests.gateway.registry.conftest import NewChange
from tests.support.gateway_core import Core
from tests.support.pipeline_runs import bring

FACTS = {"name": "Maria Zażółcka", "phone": "600100200", "notes": "deaf in one ear"}
CLOSED = {"state": "closed", "closed_ms": 1, "closed_by": "d", "outcome": "helped"}
ADDRESS = "ulica Długa 17, Łódź"


def on_disk(storage: StorageSettings) -> bytes:
    folder: Path = storage.database_file.parent
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def test_a_person_is_shown_as_added(store: Store, changing: NewChange) -> None:
    async with changing() as now:
        bundle = await bands.add(now, "7")
        added = await people.add(now, FACTS)
        await people.live_at(now, added.hex(), "Europe/Warsaw", ADDRESS)
        await assignments.assign(now, added.hex(), "7", "14af")
    async with store.database.read() as connection:
        shown = await people.show(connection, store.vault, added.hex()[:8])
        (listed,) = await people.list_all(connection, store.vault)
    assert {**FACTS, "id": added.hex()}.items() <= shown.items()
    assert shown["places"] == [{"time_zone": "Europe/Warsaw", "address": ADDRESS}]
    (worn,) = shown["assignments"]
    assert (worn["kid"], worn["label"], worn["account"]) == (bundle.kid, "7", "14AF")
    assert worn["to_ms"] is None
    assert listed == {"id": added.hex(), **FACTS, "bands": ["7"]}


async def test_nothing_personal_lies_in_clear_on_the_disk(
    storage: StorageSettings, changing: NewChange
) -> None:
    async with changing() as now:
        added = await people.add(now, FACTS)
        await people.live_at(now, added.hex(), "Europe/Warsaw", ADDRESS)
    disk = on_disk(storage)
    for text in (*FACTS.values(), ADDRESS):
        assert text.encode() not in disk


async def test_two_people_have_two_keys(store: Store, changing: NewChange) -> None:
    async with changing() as now:
        first, second = await people.add(now, FACTS), await people.add(now, FACTS)
        rows = {row.id: row for row in (await now.connection.execute(select(person))).all()}
        await now.connection.execute(
            person.update().where(person.c.id == first).values(sealed=rows[second].sealed)
        )
    async with store.database.read() as connection:
        with pytest.raises(Exception, match="sealed under another key"):
            await people.show(connection, store.vault, first.hex())


async def test_a_person_needs_a_name(changing: NewChange) -> None:
    async with changing() as now:
        for facts in ({}, {"name": "  "}, {"phone": "1"}):
            with pytest.raises(Refused, match="needs a name"):
                await people.add(now, facts)


async def test_a_phone_is_something_that_can_be_dialled(changing: NewChange) -> None:
    async with changing() as now:
        for phone in ("none", "brak", "tel. 6"):
            with pytest.raises(Refused, match="is not a telephone number; write digits"):
                await people.add(now, {"name": "Anna", "phone": phone})
        for phone in ("112", "+48 600 100 200", "600100200 (daughter)"):
            await people.add(now, {"name": "Anna", "phone": phone})


async def test_erasing_leaves_no_byte_of_key_or_facts_but_the_audit(
    storage: StorageSettings,
) -> None:
    async with open_store(storage) as store:
        async with change(store, "os:tester") as now:
            bundle = await bands.add(now, "7")
            added = await people.add(now, FACTS)
            await people.live_at(now, added.hex(), "Europe/Warsaw", ADDRESS)
            await assignments.assign(now, added.hex(), "7", "1409")
        with sqlite3.connect(storage.database_file) as plain:
            sealed: list[bytes] = list(
                plain.execute("SELECT wrapped_key, sealed FROM person").fetchone()
            )
            sealed += plain.execute("SELECT sealed FROM place").fetchone()
        plain.close()
        async with change(store, "os:tester") as now:
            await assignments.unassign(now, bundle.kid)
            assert await people.erase(now, added.hex(), "asked for it") == added
        assert await store.database.forget_traces()
        disk = on_disk(storage)
        assert not [data for data in sealed if data in disk]
        assert added in disk  # the pseudonym stays, with the audit and the counts

        async with store.database.read() as connection:
            assert await people.list_all(connection, store.vault) == []
            shown = await people.show(connection, store.vault, added.hex())
            assert shown.keys() == {"id", "erased_ms"}
            assert (await connection.execute(select(place.c.sealed))).scalars().all() == [None]
            assert await audit.first_break(connection) is None
        async with change(store, "os:tester") as now:
            with pytest.raises(Refused, match="erased already"):
                await people.erase(now, added.hex(), "again")
            with pytest.raises(Refused, match="was erased"):
                await assignments.assign(now, added.hex(), "7")
            with pytest.raises(Refused, match="was erased"):
                await people.live_at(now, added.hex(), "Europe/Warsaw", ADDRESS)


async def test_erasing_takes_what_came_while_the_key_was_broken(heart: Core) -> None:
    band = await heart.add_band()
    store = Store(heart.database, heart.vault)
    async with heart.database.write() as connection:
        await connection.execute(update(person).values(wrapped_key=bytes(60)))
    await bring(heart, (band, band.sos(position=[522_297_700, 210_122_000, 12, 3])))
    async with change(store, "os:tester") as now:
        await now.connection.execute(update(assignment).values(to_ms=now.at_ms + 1))
        await now.connection.execute(update(care_case).values(CLOSED))
        await people.erase(now, (band.person_id or b"").hex(), "asked for it")
    (event,) = await heart.events()
    assert (event.body_form, event.body) == ("vault", None)


async def test_a_reason_is_words(changing: NewChange) -> None:
    async with changing() as now:
        added = await people.add(now, FACTS)
        with pytest.raises(Refused, match="write why"):
            await people.erase(now, added.hex(), " ")


async def test_nobody_is_erased_while_in_care(changing: NewChange) -> None:
    async with changing() as now:
        await bands.add(now, "7")
        added = await people.add(now, FACTS)
        await assignments.assign(now, added.hex(), "7")
        with pytest.raises(Refused, match="first: opaska people unassign 7"):
            await people.erase(now, added.hex(), "w")
        await assignments.unassign(now, "7")
        someone = (await now.connection.execute(select(person))).one()
        band = (await now.connection.execute(select(assignment.c.device_id))).one()
        await now.connection.execute(
            insert(care_case).values(
                id=new_id(),
                organisation_id=someone.organisation_id,
                device_id=band.device_id,
                person_id=added,
                handling="console",
                state="ringing",
                opened_ms=1,
                rang_ms=1,
            )
        )
        with pytest.raises(Refused, match="first: opaska cases close"):
            await people.erase(now, added.hex(), "w")


async def test_the_audit_names_nobody_and_says_who_did_it(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        added = await people.add(now, FACTS)
        await people.live_at(now, added.hex(), "Europe/Warsaw", ADDRESS)
    async with changing() as now:
        await people.erase(now, added.hex(), "asked for it")
    async with store.database.read() as connection:
        lines = (await connection.execute(select(audit_table).order_by(audit_table.c.id))).all()
        count = (await connection.execute(select(func.count()).select_from(audit_table))).scalar()
    assert count == len(lines)
    assert [line.what for line in lines] == [
        "organisation_added",
        "agreement_added",
        "person_added",
        "place_added",
        "person_erased",
    ]
    assert {line.who for line in lines} == {"os:tester"}
    assert lines[-1].why == "asked for it"
    told = " ".join(str(value) for line in lines for value in line)
    assert not [text for text in (*FACTS.values(), ADDRESS) if text in told]


async def test_an_unknown_person_is_not_found(store: Store) -> None:
    async with store.database.read() as connection:
        with pytest.raises(NotFound, match="see `opaska people list`"):
            await people.show(connection, store.vault, "0" * 32)
