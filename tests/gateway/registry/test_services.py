# SPDX-License-Identifier: Apache-2.0
"""A number means a service to an organisation, in three languages, and what it meant stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway.care.services import Catalogue, Name
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import cards, carers, organisations, people, planned, services

if TYPE_CHECKING:
    from opaska_gateway.store import Store
    from tests.gateway.registry.conftest import NewChange

SHOPPING = {"pl": "Zakupy", "en": "Shopping", "uk": "Покупки"}


async def listed(store: Store) -> list[dict[str, Any]]:
    async with store.database.read() as connection:
        return await services.list_all(connection)


def test_a_visit_is_called_as_it_was_then_in_the_language_there_is() -> None:
    names = [
        Name(b"one", 3, {"pl": "Zakupy", "uk": "Покупки"}, 100),
        Name(b"one", 3, {"pl": "Pranie", "en": "Washing"}, 200),
        Name(b"one", 3, {}, 300),
        Name(b"two", 3, {"pl": "Spacer"}, 100),
    ]
    catalogue = Catalogue(names)
    told = [
        (1, "pl", "Zakupy"),  # from before anybody named it
        (199, "uk", "Покупки"),
        (199, "en", "Zakupy"),
        (200, "en", "Washing"),
        (300, "pl", ""),
    ]
    for at_ms, language, word in told:
        assert catalogue.name(b"one", 3, at_ms, language) == word
    assert catalogue.name(b"two", 3, 300, "pl") == "Spacer"
    assert catalogue.name(b"two", 4, 300, "pl") == ""
    assert [one.words["pl"] for one in catalogue.now()] == ["Spacer"]


async def test_a_service_is_named_renamed_and_retired_and_each_is_audited(
    store: Store, changing: NewChange
) -> None:
    async with changing() as change:
        await services.add(change, 3, SHOPPING)
        with pytest.raises(Refused, match=r"is Zakupy already; .* services rename 3"):
            await services.add(change, 3, {"pl": "Pranie"})
    (line,) = await listed(store)
    assert (line["service"], line["polish"], line["english"], line["ukrainian"]) == (
        3,
        *SHOPPING.values(),
    )
    async with changing() as change:
        await services.rename(change, 3, {"pl": "Pranie", "en": None}, "new contract")
    assert [(line["polish"], line["english"]) for line in await listed(store)] == [
        ("Pranie", None)
    ]
    async with changing() as change:
        await services.retire(change, 3, "new contract")
        with pytest.raises(NotFound, match="opaska services list"):
            await services.retire(change, 3, "again")
    assert await listed(store) == []
    async with changing() as change:
        await services.add(change, 3, {"pl": "Spacer"})
    async with store.database.read() as connection:
        query = text("SELECT what, from_value, to_value FROM audit WHERE subject = 'service:3'")
        lines = [tuple(row) for row in await connection.execute(query)]
    assert lines == [
        ("service_added", None, "Zakupy"),
        ("service_renamed", "Zakupy", "Pranie"),
        ("service_retired", "Pranie", None),
        ("service_added", None, "Spacer"),
    ]


@pytest.mark.parametrize(
    ("number", "words", "advice"),
    [
        (0, SHOPPING, "1 to 99"),
        (100, SHOPPING, "1 to 99"),
        (1, {"en": "Shopping"}, "--pl"),
        (1, {"pl": " "}, "1 to 60"),
        (1, {"pl": "x" * 61}, "1 to 60"),
        (1, {"pl": "Zakupy", "uk": "a\x1b[2Jb"}, "1 to 60"),
    ],
)
async def test_a_name_that_cannot_be_is_refused(
    store: Store, changing: NewChange, number: int, words: dict[str, str], advice: str
) -> None:
    async with changing() as change:
        with pytest.raises(Refused, match=advice):
            await services.add(change, number, words)
    assert await listed(store) == []


async def test_once_services_are_named_no_other_is_planned_or_put_on_a_card(
    store: Store, changing: NewChange
) -> None:
    async with changing() as change:
        person = (await people.add(change, {"name": "Maria"})).hex()
        anna = (await carers.add(change, {"name": "Anna"})).hex()
        await planned.add(change, person, "2099-01-01 09:00", 45, service=9)
        await services.add(change, 3, SHOPPING)
        with pytest.raises(Refused, match="service 9 has no name"):
            await planned.add(change, person, "2099-01-01 09:00", 45, service=9)
        with pytest.raises(Refused, match="service 9 has no name"):
            await cards.add(change, anna, "04de5f1eacc040", service=9)
        await cards.add(change, anna, "04de5f1eacc040", service=3)
        await planned.add(change, person, "2099-01-01 09:00", 45, service=3)
    async with store.database.read() as connection:
        lines = await planned.list_all(connection, store.vault, 0, 1, "uk")
        (card,) = await cards.list_all(connection, store.vault, 1, "en")
    assert [line["service_name"] for line in lines] == ["", "Покупки"]
    assert (card["service"], card["service_name"]) == (3, "Shopping")


async def test_each_organisation_has_its_own_names(store: Store, changing: NewChange) -> None:
    async with changing() as change:
        for name, words in (("A", {"pl": "Zakupy"}), ("B", {"pl": "Spacer"})):
            await organisations.add(change, name)
            await services.add(change, 3, words, name)
        with pytest.raises(Refused, match="several organisations"):
            await services.add(change, 4, SHOPPING)
    lines = await listed(store)
    assert {(line["organisation"], line["polish"]) for line in lines} == {
        ("A", "Zakupy"),
        ("B", "Spacer"),
    }
