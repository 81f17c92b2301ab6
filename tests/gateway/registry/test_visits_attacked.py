# SPDX-License-Identifier: Apache-2.0
"""A stolen band, a copied card or a bad day may spoil a visit, but no list and nobody else's."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.database import visit_book
from opaska_gateway.errors import Refused
from opaska_gateway.registry import cards, visit_changes, visit_export, visit_refusals
from opaska_gateway.registry.moments import moment_ms
from opaska_gateway.registry.visit_changes import Said
from tests.support.carers import Ntag424, add_card, new_uid, plan, self_test, touch
from tests.support.gateway_core import assign, core
from tests.support.pipeline_runs import bring
from tests.support.visits import HOUR, MINUTE, at, carer, changing, iso, listed, visit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from sqlalchemy import Connection

    from opaska_gateway.database.visit_book import Book
    from tests.support.gateway_core import Core

DAY = 24 * HOUR


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


async def execute(heart: Core, query: str, **values: Any) -> None:
    await heart.database.transact(
        lambda connection: connection.execute(text(query), values).close()
    )


async def book(heart: Core, since_ms: int, until_ms: int) -> Book:
    async with heart.database.read() as connection:
        return await connection.run_sync(visit_book.read, since_ms, until_ms, clock.now_ms())


def long_ago(ms: int) -> dict[str, Any]:
    """As a band says that knows the time."""
    return {"time": [3, ms // 1000, 1], "uptime_ms": 30 * DAY}


async def test_a_flood_is_one_in_every_list_however_late_in_the_day_that_begins(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await execute(heart, "UPDATE device SET created_ms = 0")
    await execute(heart, "UPDATE device_key SET from_ms = 0")
    now = clock.now_ms()
    midnight = now - now % DAY - 2 * DAY
    for hour in (1, 22):
        made_up = [touch(band, new_uid(), **long_ago(midnight + hour * HOUR)) for _ in range(60)]
        await bring(heart, *((band, frame) for frame in made_up), received_ms=now)
    for since in (midnight, midnight + 20 * HOUR):
        assert (await book(heart, since, now)).visits == []


async def test_a_stolen_bands_touches_are_not_read_one_by_one(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    now = clock.now_ms()
    begun = now - now % DAY
    proof = card.read()
    made_up = [touch(band, card.uid, proof=proof, **at(begun, now)) for _ in range(20)]
    made_up += [touch(band, new_uid(), **at(begun, now)) for _ in range(90)]
    made_up += [touch(band, card.uid, **at(begun, now)) for _ in range(50)]
    await bring(heart, *((band, frame) for frame in made_up), received_ms=now)
    found = await book(heart, now - DAY, now)
    assert len(found.rows) == 1, "the one that is proved"
    (line,) = await listed(heart)
    assert "presented_twice" in line["marks"], "a flood hides no replay"
    async with heart.database.read() as connection:
        lines = await visit_refusals.list_all(connection, heart.vault, now - DAY, now)
    assert {(line["why"], line["times"], line["card"]) for line in lines} == {
        ("flood", 90, ""),
        ("no_proof", 50, ""),
        ("replayed", 19, ""),
    }


async def test_an_end_finds_its_beginning_in_every_list(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    await execute(heart, "UPDATE device SET created_ms = 0")
    await execute(heart, "UPDATE device_key SET from_ms = 0")
    now = clock.now_ms()
    first = touch(band, tag, **long_ago(now - 60 * HOUR))
    await bring(heart, (band, first), received_ms=now - 60 * HOUR)
    last = touch(band, tag, begins=False, of_seq=1, **long_ago(now - HOUR))
    await bring(heart, (band, last), received_ms=now - HOUR)
    for days in (1, 4):
        (one,) = (await book(heart, now - days * DAY, now)).visits
        assert (one.state, one.marks) == ("ended", {"long"})


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_tag_that_always_says_the_same_is_not_taken_for_a_replay(
    heart: Core, is_known: bool
) -> None:
    band, tag = await heart.add_band(), new_uid()
    if is_known:
        await add_card(heart, band, tag)
    first = touch(band, tag, proof=bytes(24))
    last = touch(band, tag, proof=bytes(24), begins=False, of_seq=1)
    await bring(heart, (band, first), (band, last))
    (line,) = await listed(heart)
    assert (line["state"], line["proof"]) == ("ended", "plain" if is_known else "unknown card")


async def test_a_card_of_another_organisation_counts_marked_and_learns_no_plan_for_anybody(
    heart: Core,
) -> None:
    band, card = await heart.add_band(), Ntag424()
    anna = await carer(heart, band, "Anna", card)
    other = b"another".ljust(16, b"\0")
    await execute(
        heart,
        "INSERT INTO organisation VALUES (:id, 'Other', 'Europe/Warsaw', NULL, 1)",
        id=other,
    )
    await execute(heart, "UPDATE card SET organisation_id = :id", id=other)
    now = clock.now_ms()
    await plan(heart, band, now)
    await bring(heart, (band, touch(band, card)))
    assert band.planned == [None]
    await plan(heart, band, now, anna, service=7)
    await bring(heart, (band, touch(band, card)))
    assert band.planned[-1] == [7, 45], "she was asked for by name"
    assert all("other_organisation" in line["marks"] for line in await listed(heart))


async def test_a_touch_from_before_its_cards_end_that_comes_after_it_is_marked(
    heart: Core,
) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    now = clock.now_ms()
    await visit(heart, band, card, 600, 10)
    await execute(heart, "UPDATE card SET revoked_ms = :then", then=now - 2 * HOUR)
    first = touch(band, card, **at(now - 3 * HOUR, now))
    await bring(heart, (band, first), received_ms=now)
    lines = await listed(heart)
    assert [line["marks"] for line in lines] == [["came_after_revoked"], []]


async def test_times_that_disagree_are_no_minutes(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    now = clock.now_ms()
    first = touch(band, tag, **at(now - HOUR, now))
    last = touch(band, tag, begins=False, of_seq=1, **at(now - 2 * HOUR, now))
    await bring(heart, (band, first), (band, last), received_ms=now)
    (line,) = await listed(heart)
    assert (line["marks"], line["minutes"]) == (["times_disagree"], None)


async def test_what_a_band_says_of_one_touch_again_changes_nothing(heart: Core) -> None:
    """As after a power cut between the report of a test and the note that it was made."""
    band = await heart.add_band()
    seq = await visit(heart, band, new_uid(), 100, 10)
    await bring(heart, (band, self_test(band, seq)), (band, self_test(band, seq + 1)))
    band.restart()
    again = self_test(band, seq + 1, of_boot=1, round_trip_ms=None, battery_percent=3)
    await bring(heart, (band, again))
    (line,) = await listed(heart)
    assert line["test"] == "passed"
    assert await heart.rows("SELECT what FROM visit_fault WHERE ended_ms IS NULL") == []


async def test_a_test_that_a_restart_cut_short_has_no_result(heart: Core) -> None:
    band = await heart.add_band()
    seq = await visit(heart, band, new_uid(), 100, 10)
    await bring(heart, (band, self_test(band, seq)))
    band.restart()
    cut = self_test(band, seq + 1, of_boot=1, round_trip_ms=None, broken=[15])
    await bring(heart, (band, cut))
    (line,) = await listed(heart)
    assert line["test"] == "no result: the band restarted meanwhile; sensors: gnss"


async def test_a_late_report_and_a_test_that_never_came_stand_in_the_visit(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    now = clock.now_ms()
    first = touch(band, tag, **at(now - 3 * HOUR, now))
    checked = self_test(band, 1)
    await bring(heart, (band, first), received_ms=now)
    assert [line["test"] for line in await listed(heart)] == ["late: came 179 min later"]
    await bring(heart, (band, checked), received_ms=now)
    assert [line["test"] for line in await listed(heart)] == ["late: came 179 min later"]
    await visit(heart, band, new_uid(), 60, 40)
    assert (await listed(heart))[0]["test"] == "no result: none within 10 min"


async def test_one_carers_broken_row_hides_nobodys_visits(heart: Core) -> None:
    band, anna, beata = await heart.add_band(), new_uid(), new_uid()
    await carer(heart, band, "Anna", anna)
    broken = await carer(heart, band, "Beata", beata)
    await visit(heart, band, anna, 100, 10)
    await visit(heart, band, beata, 50, 10)
    await execute(heart, "UPDATE carer SET wrapped_key = :bad WHERE id = :id", bad=b"x", id=broken)
    assert [line["carer"] for line in await listed(heart)] == ["unreadable", "Anna"]
    await execute(heart, "UPDATE person SET wrapped_key = :bad", bad=b"x")
    assert {line["person"] for line in await listed(heart)} == {"unreadable"}


async def test_a_card_that_was_lost_yesterday_counts_no_more_since_then(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await carer(heart, band, "Anna", card)
    await visit(heart, band, card, 600, 10)
    await visit(heart, band, card, 200, 10)
    async with changing(heart) as change:
        with pytest.raises(Refused, match="still to come"):
            await cards.revoke(change, card.uid.hex(), "lost", iso(-9))
        await cards.revoke(change, card.uid.hex(), "lost on the tram", iso(300))
    assert [line["minutes"] for line in await listed(heart)] == [10]
    async with heart.database.read() as connection:
        now = clock.now_ms()
        lines = await visit_refusals.list_all(connection, heart.vault, now - DAY, now)
    assert [(line["why"], line["times"]) for line in lines] == [("revoked", 2)]


async def test_the_night_in_which_the_clocks_are_set_back_has_its_true_minutes(
    heart: Core,
) -> None:
    band, tag = await heart.add_band(), new_uid()
    await carer(heart, band, "=HYPERLINK(1)", tag)
    await execute(heart, "UPDATE device SET created_ms = 0")
    await execute(heart, "UPDATE device_key SET from_ms = 0")
    await execute(heart, "UPDATE assignment SET from_ms = 0")
    begun = moment_ms("2026-10-25T02:30+02:00", ZoneInfo("Europe/Warsaw"))
    first = touch(band, tag, **long_ago(begun))
    last = touch(band, tag, begins=False, of_seq=1, **long_ago(begun + 75 * MINUTE))
    await bring(heart, (band, first), (band, last))
    async with changing(heart) as change:
        times = begun - HOUR, begun + 3 * HOUR
        rows = await visit_export.export(change, *times, "monthly report")
    out = io.StringIO()
    visit_export.write(rows, out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert (row["from"], row["to"], row["minutes"]) == (
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:45:00+01:00",
        "75",
    )
    assert row["carer"] == "'=HYPERLINK(1)", "no spreadsheet takes it for a formula"


async def test_a_band_handed_over_in_a_visit_leaves_one_visit_and_its_corrections_readable(
    heart: Core,
) -> None:
    band, tag = await heart.add_band(worn=False), new_uid()
    await carer(heart, band, "Anna", tag)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> tuple[bytes, bytes]:
        handed_ms = now - 90 * MINUTE
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, handed_ms)
        return earlier, assign(connection, heart.vault, band, handed_ms)

    earlier, later = await heart.database.transact(hand_over)
    await visit(heart, band, tag, 120, 60)
    owners = await heart.rows("SELECT person_id FROM visit_touch ORDER BY event_id")
    assert owners == [(earlier,), (later,)]
    async with changing(heart) as change:
        await visit_changes.correct(change, 2, Said(service=4), "forgot to tap")
    (line,) = await listed(heart)
    assert (line["state"], line["person_id"], line["minutes"]) == ("ended", earlier.hex(), 60)
    assert [one["why"] for one in line["said"]] == ["forgot to tap"]
