# SPDX-License-Identifier: Apache-2.0
"""Each reading of a carer's card counts once, whoever presents it, whenever it comes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.pipeline import TOGETHER, Pipeline
from opaska_gateway.steps.note_visit import note_visit
from opaska_protocol.cbor import encode
from opaska_protocol.reports import VISIT
from tests.support.carers import Ntag424, add_card, new_uid, plan, touch
from tests.support.gateway_core import assign
from tests.support.pipeline_runs import bring, decided, running

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from opaska_gateway.batch import Batch
    from opaska_gateway.context import Context
    from tests.support.gateway_core import Core

HOUR = 3_600_000


async def verdicts(heart: Core) -> list[str]:
    rows = await heart.rows("SELECT verdict FROM visit_touch ORDER BY event_id")
    return [row.verdict for row in rows]


async def test_a_card_that_proves_its_readings_is_verified(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    first = touch(band, card, taps=3)
    await bring(heart, (band, first), (band, touch(band, card, begins=False, of_seq=1)))
    rows = await heart.rows("SELECT * FROM visit_touch ORDER BY event_id")
    assert [(row.verdict, row.counter, row.begins, row.taps) for row in rows] == [
        ("verified", 1, 1, 3),
        ("verified", 2, 0, 1),
    ]
    assert [(row.of_boot, row.of_seq) for row in rows] == [(None, None), (1, 1)]
    assert {row.person_id for row in rows} == {band.person_id}
    assert heart.context.counters["visits.verified"] == 2


async def test_a_resent_report_is_no_replay(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    frame = touch(band, card)
    for _ in range(3):
        await bring(heart, (band, frame), (band, frame))
    assert await verdicts(heart) == ["verified"]


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_a_recorded_proof_counts_once_at_one_band_or_two(
    heart: Core, in_one_batch: bool
) -> None:
    band, other, card = await heart.add_band(), await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    proof = card.read()
    sent = [(one, touch(one, card.uid, proof=proof)) for one in (band, other, band)]
    if in_one_batch:
        await bring(heart, *sent)
    else:
        for one in sent:
            await bring(heart, one)
    assert await verdicts(heart) == ["verified", "replayed", "replayed"]
    assert len(await heart.events()) == 3, "kept, whatever it is worth"


async def test_one_reading_with_two_proofs_counts_once(heart: Core) -> None:
    """A card that is read twice without being selected anew pads the same counter differently."""
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    for _ in range(2):
        await bring(heart, (band, touch(band, card.uid, proof=card.proof(9))))
    assert await verdicts(heart) == ["verified", "replayed"]


async def test_an_older_counter_that_comes_late_is_no_replay(heart: Core) -> None:
    offline, online, card = await heart.add_band(), await heart.add_band(), Ntag424()
    await add_card(heart, offline, card)
    late = [touch(offline, card), touch(offline, card, begins=False)]
    await bring(heart, (online, touch(online, card)))
    for frame in reversed(late):
        await bring(heart, (offline, frame))
    assert await verdicts(heart) == ["verified"] * 3


async def test_a_counter_that_jumps_ahead_costs_the_carer_nothing(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    await bring(heart, (band, touch(band, card.uid, proof=card.proof(0xFFFFFF))))
    await bring(heart, (band, touch(band, card)))
    assert await verdicts(heart) == ["verified", "verified"]


async def test_a_clone_on_a_plain_tag_is_refused(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    await bring(heart, (band, touch(band, card.uid)))
    assert await verdicts(heart) == ["no_proof"]


@pytest.mark.parametrize("proof", [b"", b"half", bytes(24), bytes(range(24))])
async def test_a_made_up_proof_is_refused_and_spends_no_reading(heart: Core, proof: bytes) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    for _ in range(2):
        await bring(heart, (band, touch(band, card.uid, proof=proof)))
    other = replace(card, keys=Ntag424().keys)  # the true UID and counter under other keys
    await bring(heart, (band, touch(band, card.uid, proof=other.proof(1))))
    await bring(heart, (band, touch(band, card)))
    assert await verdicts(heart) == [*["wrong_proof"] * 3, "verified"]


async def test_plain_and_unknown_cards_are_kept_as_what_they_are(heart: Core) -> None:
    band, tag = await heart.add_band(), new_uid()
    await add_card(heart, band, tag)
    await bring(heart, (band, touch(band, tag)), (band, touch(band, b"\x08abc")))
    assert await verdicts(heart) == ["plain", "unknown_card"]


async def test_what_an_unknown_card_proved_cannot_be_used_once_it_is_known(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    proof = card.read()
    await bring(heart, (band, touch(band, card.uid, proof=proof)))
    await add_card(heart, band, card)
    await bring(heart, (band, touch(band, card.uid, proof=proof)))
    assert await verdicts(heart) == ["unknown_card", "replayed"]


async def test_a_revoked_card_counts_no_more_but_did_before(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    now = clock.now_ms()
    await bring(heart, (band, band.heartbeat(uptime_ms=3 * HOUR)), received_ms=now)
    await _execute(heart, "UPDATE card SET revoked_ms = :then", then=now - HOUR)
    await plan(heart, band, now)
    before = touch(band, card, uptime_ms=HOUR)
    after = touch(band, card, uptime_ms=3 * HOUR)
    await bring(heart, (band, before), (band, after), received_ms=now)
    assert heart.context.counters["visits.verified"] == 1
    assert heart.context.counters["visits.revoked"] == 1
    assert heart.bands[band.kid_hex].planned[-1] is None, "and learns nothing"


async def test_planned_visit_comes_with_stored_and_with_each_repeat(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    carer = await add_card(heart, band, card)
    now = clock.now_ms()
    await plan(heart, band, now - HOUR, service=1)
    await plan(heart, band, now + HOUR, carer, minutes=30)
    await plan(heart, band, now, await add_card(heart, band, new_uid()), service=3)
    frame = touch(band, card)
    await bring(heart, (band, frame))
    await _execute(heart, "UPDATE planned_visit SET cancelled_ms = :now", now=now)
    await bring(heart, (band, frame))
    assert band.planned == [[2, 30], [2, 30]]


async def test_nothing_is_told_of_plans_to_strangers_ends_clones_or_other_hours(
    heart: Core,
) -> None:
    band, card, tag = await heart.add_band(), Ntag424(), new_uid()
    await add_card(heart, band, card)
    await add_card(heart, band, tag)
    now = clock.now_ms()
    await plan(heart, band, now)
    for frame in (
        touch(band, new_uid()),
        touch(band, card.uid),
        touch(band, card, begins=False),
        band.heartbeat(),
    ):
        await bring(heart, (band, frame))
    await bring(heart, (band, touch(band, card, uptime_ms=4 * HOUR)), received_ms=now + 3 * HOUR)
    assert band.planned == [None] * 5
    await bring(heart, (band, touch(band, tag)), received_ms=now)
    assert band.planned[-1] == [2, 45], "a plain card is known"


async def test_a_touch_that_names_no_card_is_stored_and_answered(heart: Core) -> None:
    band = await heart.add_band()
    for fields in ({"card": b"", "begins": True}, {"card": bytes(4), "begins": 7}, {}):
        body = {"uptime_ms": 1_000, "taps": 0, "card": b"", "begins": True, **fields}
        await bring(heart, (band, _bad(band, body)))
    assert await verdicts(heart) == []
    assert len(await heart.events()) == 3
    assert [state for *_, state in band.answers] == [1, 1, 1]
    assert heart.context.counters["visits.unreadable"] == 3


async def test_an_unusable_key_costs_no_visit(heart: Core) -> None:
    band, card = await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    await _execute(heart, "UPDATE card SET wrapped_keys = :bad", bad=b"bad")
    proof = card.read()
    for _ in range(2):
        await bring(heart, (band, touch(band, card.uid, proof=proof)))
    assert await verdicts(heart) == ["unchecked", "replayed"]


async def test_a_late_touch_belongs_to_who_wore_the_band_when_it_happened(heart: Core) -> None:
    band, card = await heart.add_band(worn=False), Ntag424()
    await add_card(heart, band, card)
    now = clock.now_ms()

    def hand_over(connection: Connection) -> tuple[bytes, bytes]:
        earlier = assign(connection, heart.vault, band, now - 9 * HOUR, now - HOUR)
        return earlier, assign(connection, heart.vault, band, now - HOUR)

    earlier, later = await heart.database.transact(hand_over)
    await bring(heart, (band, touch(band, card, uptime_ms=HOUR)), received_ms=now)
    owners = "SELECT person_id, at_ms FROM visit_touch"
    assert await heart.rows(owners) == [(later, now)], "as far as anybody knows"
    await bring(heart, (band, band.heartbeat(uptime_ms=4 * HOUR)), received_ms=now + 100)
    await bring(heart, (band, band.heartbeat(uptime_ms=4 * HOUR + 1_000)), received_ms=now + 1_100)
    assert await heart.rows(owners) == [(earlier, now + 100 - 3 * HOUR)]


async def test_a_transaction_that_fails_after_the_step_spends_no_reading(heart: Core) -> None:
    band, other, card = await heart.add_band(), await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    fails = [True, True]

    def fail(batch: Batch, context: Context, connection: Connection) -> None:
        if fails and fails.pop():
            raise sqlite3.OperationalError("as after kill -9")

    where = TOGETHER.index(note_visit) + 1
    steps = (*TOGETHER[:where], fail, *TOGETHER[where:])
    arrivals = [heart.arrival(one, touch(one, card)) for one in (band, other)]
    async with running(Pipeline(heart.context, together=steps)) as pipeline:
        await decided(pipeline, arrivals)
    await bring(heart, *((heart.bands[one.kid_hex], one.frame) for one in arrivals))
    assert await verdicts(heart) == ["verified", "verified"]
    assert await heart.rows("SELECT counter FROM card_reading ORDER BY counter") == [(1,), (2,)]


async def test_of_two_gateways_on_one_database_one_lets_a_reading_count(heart: Core) -> None:
    bands, card = [await heart.add_band() for _ in range(2)], Ntag424()
    await add_card(heart, bands[0], card)
    proofs = [card.read() for _ in range(30)]
    cells = [Pipeline(heart.context), Pipeline(heart.new_context())]
    async with running(cells[0]), running(cells[1]):
        await asyncio.gather(
            *(
                decided(cell, [heart.arrival(band, touch(band, card.uid, proof=proof))])
                for proof in proofs
                for cell, band in zip(cells, bands, strict=True)
            )
        )
    assert sorted(await verdicts(heart)) == ["replayed"] * 30 + ["verified"] * 30


async def test_a_stolen_bands_touches_cost_nobody_else_a_visit(heart: Core) -> None:
    stolen, band, card = await heart.add_band(), await heart.add_band(), Ntag424()
    await add_card(heart, band, card)
    made_up = [touch(stolen, card.uid, proof=os.urandom(24)) for _ in range(150)]
    made_up += [touch(stolen, os.urandom(7), proof=os.urandom(24)) for _ in range(150)]
    await bring(heart, *((stolen, frame) for frame in made_up), (band, touch(band, card)))
    assert heart.context.counters["visits.verified"] == 1
    assert heart.context.counters["visits.wrong_proof"] == 150


async def _execute(heart: Core, query: str, **values: Any) -> None:
    await heart.database.transact(
        lambda connection: connection.execute(text(query), values).close()
    )


def _bad(band: Any, fields: dict[str, Any]) -> bytes:
    """A report that our own encoder would refuse."""
    keys = {"uptime_ms": 1, "begins": 4, "card": 5, "taps": 7}
    frame: bytes = band.seal_body(encode({0: VISIT, **{keys[k]: v for k, v in fields.items()}}))
    return frame
