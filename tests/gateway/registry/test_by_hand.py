# SPDX-License-Identifier: Apache-2.0
"""A visit noted by hand is marked as such wherever it stands, and leaves a trace for ever."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import by_hand, carers, people, planned, visit_changes, visit_export
from opaska_gateway.registry.by_hand import Told
from opaska_gateway.registry.visit_changes import Said
from tests.support.carers import Ntag424, add_card, new_uid, plan
from tests.support.gateway_core import core
from tests.support.visits import HOUR, carer, changing, iso, listed, visit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand


def told(begin: int = 120, end: int = 75, service: int = 1, away: bool | None = None) -> Told:
    """Between so many minutes ago."""
    return Told(iso(begin), iso(end), service, away)


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


async def note(
    heart: Core,
    band: CoreBand,
    who: bytes,
    what: Told | None = None,
    asked_by: str = "Ewa Kowalska, OPS",
    why: str = "forgot the card",
) -> str:
    async with changing(heart) as change:
        wearer = (band.person_id or b"").hex()
        return await by_hand.add(change, wearer, who.hex(), what or told(), asked_by, why)


async def exported(heart: Core) -> list[dict[str, str]]:
    out, now = io.StringIO(), clock.now_ms()
    async with changing(heart) as change:
        rows = await visit_export.export(change, now - 24 * HOUR, now, "monthly report")
    visit_export.write(rows, out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


async def test_a_visit_by_hand_says_so_in_every_list_with_who_asked_and_why(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    anna = await carer(heart, band, "Anna", card)
    await visit(heart, band, card, 60, 45)
    number = await note(heart, band, anna, told(service=3, away=True))
    assert number == "h1"
    proved, line = await listed(heart)
    assert (proved["state"], proved["proof"], proved["marks"]) == ("ended", "verified", [])
    wanted = {
        "visit": "h1",
        "state": "by hand",
        "proof": "by hand",
        "carer": "Anna",
        "person_id": (band.person_id or b"").hex(),
        "service": 3,
        "minutes": 45,
        "where": "away",
        "marks": [],
        "test": "",
    }
    assert {key: line[key] for key in wanted} == wanted
    (said,) = line["said"]
    assert (said["what"], said["is"], said["by"], said["why"]) == (
        "by_hand",
        "Ewa Kowalska, OPS",
        "os:tester",
        "forgot the card",
    )
    row = (await exported(heart))[1]
    assert [
        row[name] for name in ("state", "proof", "minutes", "asked_by", "why", "latitude")
    ] == [
        "by hand",
        "by hand",
        "45",
        "Ewa Kowalska, OPS",
        "forgot the card",
        "",
    ]
    assert line.keys() == proved.keys()
    ((what, to_value),) = await heart.rows(
        "SELECT what, to_value FROM audit WHERE subject = 'visit:h1'"
    )
    assert (what, anna.hex() in to_value, "service:3" in to_value) == ("visit_by_hand", True, True)
    kept = str(await heart.rows("SELECT * FROM audit")) + str(
        await heart.rows("SELECT * FROM visit_by_hand")
    )
    assert "Kowalska" not in kept, "names are sealed, and the audit outlives an erasure"


async def test_a_visit_by_hand_is_withdrawn_once_and_stays_in_the_lists(heart: Core) -> None:
    band = await heart.add_band()
    anna = await carer(heart, band, "Anna")
    number = await note(heart, band, anna)
    (before,) = await heart.rows("SELECT * FROM visit_by_hand")
    async with changing(heart) as change:
        with pytest.raises(Refused, match="add it as it was"):
            await visit_changes.correct(change, number, Said(end=iso(70)), "typing error")
        with pytest.raises(Refused, match="reason is empty"):
            await visit_changes.correct(change, number, Said(withdrawn=True), " ")
        await visit_changes.correct(change, number, Said(withdrawn=True), "was in hospital")
        with pytest.raises(Refused, match="withdrawn already"):
            await visit_changes.correct(change, number, Said(withdrawn=True), "again")
        for nobody in ("h2", "h", "hx", "h0", "h" + "9" * 30, "9" * 30, "x"):
            with pytest.raises(NotFound, match="opaska visits list"):
                await visit_changes.correct(change, nobody, Said(withdrawn=True), "so")
    (line,) = await listed(heart)
    assert [(one["what"], one["is"], one["why"]) for one in line["said"]] == [
        ("by_hand", "Ewa Kowalska, OPS", "forgot the card"),
        ("withdrawn", 1, "was in hospital"),
    ]
    assert [row["withdrawn"] for row in await exported(heart)] == ["yes"]
    assert await heart.rows("SELECT * FROM visit_by_hand") == [before], "nothing is changed"
    assert await note(heart, band, anna) == "h2", "as it was"


@pytest.mark.parametrize(
    ("what", "asked_by", "why", "advice"),
    [
        ({"end": 121}, "Ewa", "so", "end before it begins"),
        ({"end": -9}, "Ewa", "so", "still to come"),
        ({"begin": 24 * 60 + 76}, "Ewa", "so", "more than a day"),
        ({"service": 0}, "Ewa", "so", "1 to 99"),
        ({}, " ", "so", "who asked for it"),
        ({}, "Ewa", "", "who asked for it"),
    ],
)
async def test_a_visit_that_cannot_have_been_is_refused(
    heart: Core, what: dict[str, Any], asked_by: str, why: str, advice: str
) -> None:
    band = await heart.add_band()
    anna = await carer(heart, band, "Anna")
    with pytest.raises(Refused, match=advice):
        await note(heart, band, anna, told(**what), asked_by, why)
    with pytest.raises(Refused, match="write 2026-12-24"):
        await note(heart, band, anna, told()._replace(begin="noon"))
    assert await heart.rows("SELECT * FROM visit_by_hand") == []
    assert await heart.rows("SELECT * FROM audit WHERE what = 'visit_by_hand'") == []


async def test_an_erased_carer_or_wearer_has_no_visit_by_hand(heart: Core) -> None:
    band = await heart.add_band()
    anna = await carer(heart, band, "Anna")
    async with changing(heart) as change:
        await carers.erase(change, anna.hex(), "left")
    with pytest.raises(Refused, match="was erased"):
        await note(heart, band, anna)
    beata = await carer(heart, band, "Beata")
    await note(heart, band, beata)
    await heart.database.transact(
        lambda connection: connection.execute(
            text("UPDATE assignment SET to_ms = :now"), {"now": clock.now_ms()}
        ).close()
    )
    async with changing(heart) as change:
        await visit_changes.correct(change, "h1", Said(withdrawn=True), "she died")
        await people.erase(change, (band.person_id or b"").hex(), "asked for it")
    (line,) = await listed(heart)
    assert (line["person"], line["minutes"]) == ("erased", 45)
    assert [(one["is"], one["why"]) for one in line["said"]] == [("", ""), (1, "")]
    assert await heart.rows("SELECT sealed FROM visit_by_hand") == [(None,)]
    assert await heart.rows("SELECT sealed FROM by_hand_withdrawal") == [(None,)]
    with pytest.raises(Refused, match="was erased"):
        await note(heart, band, beata)


async def test_what_a_card_or_somebody_has_told_already_is_not_noted_again(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    anna = await carer(heart, band, "Anna", tag)
    await visit(heart, band, tag, 100, 10)
    (line,) = await listed(heart)
    with pytest.raises(Refused, match=f"opaska visits correct {line['visit']}"):
        await note(heart, band, anna)
    async with changing(heart) as change:
        await visit_changes.correct(change, line["visit"], Said(withdrawn=True), "so")
    await note(heart, band, anna)
    with pytest.raises(Refused, match="visit h1 is this carer's then"):
        await note(heart, band, anna)
    await note(heart, band, await carer(heart, band, "Beata"))


async def test_touches_that_come_after_the_visit_was_noted_are_marked_beside_it(
    heart: Core,
) -> None:
    band, tag = await heart.add_band(), new_uid()
    anna = await carer(heart, band, "Anna", tag)
    await note(heart, band, anna)
    await visit(heart, band, tag, 100, 10)
    assert [line["marks"] for line in await listed(heart)] == [["by_hand_too"]] * 2
    async with changing(heart) as change:
        await visit_changes.correct(change, "h1", Said(withdrawn=True), "the band had it")
    lines = await listed(heart)
    assert {line["visit"]: line["marks"] for line in lines if line["visit"] != "h1"} == {1: []}


async def test_a_carer_cannot_be_noted_elsewhere_unmarked(heart: Core) -> None:
    band, other, tag = await heart.add_band(), await heart.add_band(), new_uid()
    anna = await carer(heart, band, "Anna", tag)
    await visit(heart, band, tag, 100, 10)
    await note(heart, other, anna)
    await note(heart, other, await carer(heart, band, "Beata"))
    found = {line["visit"]: line["marks"] for line in await listed(heart)}
    assert found == {1: ["two_places"], "h1": ["two_carers", "two_places"], "h2": ["two_carers"]}


async def test_a_planned_visit_that_was_noted_by_hand_is_told_as_such(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    anna = await carer(heart, band, "Anna", tag)
    now = clock.now_ms()
    await plan(heart, band, now - 2 * HOUR, anna)
    await note(heart, band, anna)
    assert await _plans(heart) == [("noted by hand", "h1")]
    async with changing(heart) as change:
        await visit_changes.correct(change, "h1", Said(withdrawn=True), "so")
    assert await _plans(heart) == [("missed", None)]
    await add_card(heart, band, new_uid())


async def test_list_of_one_wearer_or_carer_has_theirs_alone(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band()
    anna, beata = await carer(heart, band, "Anna"), await carer(heart, band, "Beata")
    await note(heart, band, anna)
    await note(heart, other, beata)
    assert other.person_id is not None
    of_person = await listed(heart, person_text=other.person_id.hex())
    assert [line["visit"] for line in of_person] == ["h2"]
    assert [line["visit"] for line in await listed(heart, carer_text=anna.hex())] == ["h1"]


async def _plans(heart: Core) -> list[tuple[Any, Any]]:
    now = clock.now_ms()
    async with heart.database.read() as connection:
        lines = await planned.list_all(connection, heart.vault, now - 9 * HOUR, now + 3 * HOUR)
    return [(line["state"], line["visit"]) for line in lines]
