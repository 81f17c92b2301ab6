# SPDX-License-Identifier: Apache-2.0
"""The six elements of a visit, from sealed reports to the list and the table of the officer."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import (
    carers,
    people,
    services,
    visit_changes,
    visit_export,
    visit_refusals,
)
from opaska_gateway.registry.visit_changes import Said
from opaska_protocol import reports
from tests.support.carers import Ntag424, add_card, new_uid, self_test, touch
from tests.support.gateway_core import core
from tests.support.pipeline_runs import bring
from tests.support.visits import HOUR, MINUTE, at, carer, changing, iso, listed, visit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand

HOME = {"latitude": 52.22427, "longitude": 21.0123}


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


async def test_all_six_elements_stand_in_a_visit_with_its_test_and_its_plan(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna Zielińska", card)
    seq = await visit(heart, band, card, 60, 45, taps=3, away=False)
    for of_seq in (seq, seq + 1):
        await bring(heart, (band, self_test(band, of_seq, broken=[15])))
    (line,) = await listed(heart)
    assert (line["state"], line["carer"], line["service"], line["minutes"], line["where"]) == (
        "ended",
        "Anna Zielińska",
        3,
        45,
        "home",
    )
    assert line["person_id"] == (band.person_id or b"").hex()
    assert (line["proof"], line["test"], line["marks"]) == ("verified", "sensors: gnss", [])
    assert abs(line["from_ms"] - (clock.now_ms() - 60 * MINUTE)) < MINUTE
    assert line["bands"] == [band.kid_hex]


async def test_what_is_not_proved_is_told_as_such_and_the_weakest_touch_counts(
    heart: Core,
) -> None:
    band, card, tag = await heart.add_band(), Ntag424(), new_uid()
    await carer(heart, band, "Anna", card, tag)
    await visit(heart, band, tag, 120, 10)
    await visit(heart, band, new_uid(), 100, 10)
    assert [(line["carer"], line["proof"]) for line in await listed(heart)] == [
        ("unknown card", "unknown card"),
        ("Anna", "plain"),
    ]


async def test_replayed_and_copied_cards_make_no_visit_and_are_counted(heart: Core) -> None:
    band, other, card = await heart.add_band(), await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    proof = card.read()
    await bring(heart, (band, touch(band, card.uid, proof=proof)))
    for _ in range(2):
        await bring(heart, (other, touch(other, card.uid, proof=proof)))
    await bring(heart, (other, touch(other, card.uid)))
    (line,) = await listed(heart)
    assert line["marks"] == ["presented_twice", "vague"]
    async with heart.database.read() as connection:
        now = clock.now_ms()
        lines = await visit_refusals.list_all(connection, heart.vault, now - HOUR, now)
    found = {(line["why"], line["times"], line["label"], line["carer"]) for line in lines}
    assert found == {
        ("replayed", 2, other.kid_hex, "Anna"),
        ("no_proof", 1, other.kid_hex, "Anna"),
    }


async def test_a_stolen_band_cannot_bury_the_visits_of_others_or_its_own(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    now = clock.now_ms()
    begun = now - now % (24 * HOUR)  # all on one day
    made_up = [touch(band, new_uid(), **at(begun, now)) for _ in range(101)]
    proved = touch(band, card, **at(begun, now))
    await bring(heart, *((band, frame) for frame in (*made_up, proved)), received_ms=now)
    assert [line["carer"] for line in await listed(heart)] == ["Anna"]
    async with heart.database.read() as connection:
        lines = await visit_refusals.list_all(connection, heart.vault, now - 24 * HOUR, now)
    assert [(line["why"], line["times"]) for line in lines] == [("flood", 101)]


async def test_list_can_be_of_one_wearer_or_one_carer(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band()
    anna, beata = new_uid(), new_uid()
    anna_id = await carer(heart, band, "Anna", anna)
    await carer(heart, band, "Beata", beata)
    await visit(heart, band, anna, 100, 10)
    await visit(heart, other, anna, 80, 10)
    await visit(heart, other, beata, 75, 10)
    assert other.person_id is not None
    of_person = await listed(heart, person_text=other.person_id.hex())
    assert [(line["carer"], line["marks"]) for line in of_person] == [
        ("Beata", ["two_carers"]),
        ("Anna", ["two_carers"]),
    ]
    assert len(await listed(heart, carer_text=anna_id.hex())) == 2
    with pytest.raises(NotFound, match="opaska carers list"):
        await listed(heart, carer_text="ffffffff")


async def test_a_correction_stands_beside_what_was_measured_with_name_and_reason(
    heart: Core,
) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    beata = await carer(heart, band, "Beata")
    await visit(heart, band, card, 60, 45)
    (before,) = await listed(heart)
    for end, why in (("2026-01-01", "typing error"), (iso(10), "she forgot")):
        said = Said(end=end, carer=beata.hex(), service=4)
        async with changing(heart) as change:
            if end == "2026-01-01":
                with pytest.raises(Refused, match="more than a day"):
                    await visit_changes.correct(change, before["visit"], said, why)
            else:
                assert await visit_changes.correct(change, before["visit"], said, why) == 3
    async with changing(heart) as change:
        await visit_changes.correct(change, before["visit"], Said(withdrawn=True), "a test")
    (after,) = await listed(heart)
    assert {**after, "said": []} == before, "nothing that was measured has changed"
    assert [(one["what"], one["was"], one["is"], one["why"]) for one in after["said"]][1:] == [
        ("carer", "Anna", "Beata", "she forgot"),
        ("service", 1, 4, "she forgot"),
        ("withdrawn", None, 1, "a test"),
    ]
    assert after["said"][0]["was"] == before["to_ms"]
    async with changing(heart) as change:
        await visit_changes.correct(change, before["visit"] + 1, Said(service=5), "four? five!")
    (after,) = await listed(heart)
    assert (after["said"][-1]["was"], after["said"][-1]["is"]) == (4, 5)
    assert {one["by"] for one in after["said"]} == {"os:tester"}
    lines = await heart.rows("SELECT what, to_value, why FROM audit WHERE what LIKE 'visit_%'")
    assert [line.what for line in lines] == ["visit_corrected"] * 5
    assert not any("forgot" in str(line) for line in lines), "the audit outlives an erasure"


@pytest.mark.parametrize(
    ("said", "why", "advice"),
    [
        (Said(), "because", "nothing was said"),
        (Said(service=100), "because", "1 to 99"),
        (Said(begin="2999-01-01"), "because", "still to come"),
        (Said(begin="noon"), "because", "write 2026-12-24"),
        (Said(withdrawn=True), " ", "reason is empty"),
    ],
)
async def test_a_correction_that_cannot_be_is_refused(
    heart: Core, said: Said, why: str, advice: str
) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 60, 45)
    (line,) = await listed(heart)
    async with changing(heart) as change:
        with pytest.raises(Refused, match=advice):
            await visit_changes.correct(change, line["visit"], said, why)
    assert await heart.rows("SELECT * FROM visit_correction") == []


async def test_a_refused_touch_is_no_visit_that_could_be_corrected(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    await bring(heart, (band, touch(band, card.uid)))
    ((number,),) = await heart.rows("SELECT event_id FROM visit_touch")
    async with changing(heart) as change:
        with pytest.raises(NotFound, match="opaska visits list"):
            await visit_changes.correct(change, number, Said(withdrawn=True), "because")


async def test_coordinates_leave_only_in_an_audited_export_of_visits_away(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    away = await visit(heart, band, card, 100, 10, away=True)
    await bring(heart, (band, _position(band, away, why=reports.FIX_FOR_ALARM, north=9)))
    await bring(heart, (band, _position(band, away)))
    await visit(heart, band, card, 60, 10, away=False)
    assert [line["where"] for line in await listed(heart)] == ["home", "away"]
    assert not any("latitude" in line for line in await listed(heart))
    rows = await _exported(heart)
    assert [(row["where"], row["latitude"], row["longitude"]) for row in rows] == [
        ("home", "", ""),
        ("away", "52.22427", "21.0123"),
    ]
    assert rows[0]["from"][-6:] in ("+01:00", "+02:00"), "where the wearer lives"
    assert rows[0]["minutes"] == "10"
    (line,) = await heart.rows("SELECT to_value, why FROM audit WHERE what = 'visits_exported'")
    assert line == ("2 visits", "monthly report")


async def test_of_an_erased_wearer_the_hours_stay_and_nothing_else(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    await visit(heart, band, card, 100, 10, away=True)
    (before,) = await listed(heart)
    async with changing(heart) as change:
        await visit_changes.correct(change, before["visit"], Said(service=2), "she is ill")
    await heart.database.transact(
        lambda connection: connection.execute(
            text("UPDATE assignment SET to_ms = :now"), {"now": clock.now_ms()}
        ).close()
    )
    async with changing(heart) as change:
        await people.erase(change, before["person_id"], "asked for it")
    (after,) = await listed(heart)
    assert (after["person"], after["where"], after["minutes"]) == ("erased", "", 10)
    assert after["said"][0]["why"] == ""
    assert await heart.rows("SELECT sealed FROM visit_correction") == [(None,)]
    assert [row["latitude"] for row in await _exported(heart)] == [""]


async def test_of_an_erased_carer_the_hours_stay_without_a_name(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    carer_id = await carer(heart, band, "Anna", card)
    await visit(heart, band, card, 100, 10)
    async with changing(heart) as change:
        await carers.erase(change, carer_id.hex(), "left")
    (line,) = await listed(heart)
    assert (line["carer"], line["minutes"]) == ("erased", 10)


async def test_visit_at_a_band_that_nobody_wears_is_nobodys(heart: Core) -> None:
    band, card = await heart.add_band(worn=False), Ntag424()
    await carer(heart, band, "Anna", card)
    await visit(heart, band, card, 100, 10, away=False)
    (line,) = await listed(heart)
    assert (line["person"], line["where"], line["minutes"]) == ("nobody", "home", 10)
    async with changing(heart) as change:
        await visit_changes.correct(change, line["visit"], Said(withdrawn=True), "in store")
    (line,) = await listed(heart)
    assert line["said"][0]["why"] == "in store"


async def test_where_it_was_may_come_with_the_test_alone(heart: Core) -> None:
    band = await heart.add_band()
    seq = await visit(heart, band, new_uid(), 100, 10)
    await bring(heart, (band, self_test(band, seq, away=True)))
    await bring(heart, (band, self_test(band, seq + 1)))
    (line,) = await listed(heart)
    assert (line["where"], line["test"]) == ("away", "passed")


async def test_where_it_was_may_come_with_the_position_alone(heart: Core) -> None:
    """The first fix of a cold start takes longer than the band waits with its test."""
    band = await heart.add_band()
    seq = await visit(heart, band, new_uid(), 100, 10)
    for of_seq in (seq, seq + 1):
        await bring(heart, (band, self_test(band, of_seq)))
    assert [line["where"] for line in await listed(heart)] == [""]
    await bring(heart, (band, _position(band, seq + 1)))
    assert [line["where"] for line in await listed(heart)] == ["away"]
    assert [row["latitude"] for row in await _exported(heart)] == ["52.22427"]


async def _exported(heart: Core) -> list[dict[str, str]]:
    out, now = io.StringIO(), clock.now_ms()
    async with changing(heart) as change:
        rows = await visit_export.export(change, now - 24 * HOUR, now, "monthly report")
    visit_export.write(rows, out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def _position(
    band: CoreBand, of_seq: int, why: int = reports.FIX_FOR_VISIT, north: int = 0
) -> bytes:
    e7 = [round(value * 10_000_000) for value in HOME.values()]
    fix = [e7[0] + north, e7[1], 12, 3]
    fields: dict[str, Any] = {
        "position": fix,
        "source": reports.FROM_GNSS,
        "why": why,
        "of_seq": of_seq,
    }
    return band.seal(reports.POSITION, uptime_ms=24 * HOUR, **fields)


async def test_the_name_of_the_service_stands_in_the_list_and_the_table(heart: Core) -> None:
    band = await heart.add_band()
    await visit(heart, band, new_uid(), 100, 10, taps=3)
    async with changing(heart) as change:
        await services.add(change, 3, {"pl": "Zakupy", "uk": "Покупки"})
    for language, name in (("pl", "Zakupy"), ("en", "Zakupy"), ("uk", "Покупки")):
        (line,) = await listed(heart, language=language)
        assert (line["service"], line["service_name"]) == (3, name)
    assert [(row["service"], row["service_name"]) for row in await _exported(heart)] == [
        ("3", "Zakupy")
    ]
    async with changing(heart) as change:
        with pytest.raises(Refused, match="service 7 has no name"):
            await visit_changes.correct(change, line["visit"], Said(service=7), "so")
