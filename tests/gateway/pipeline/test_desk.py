# SPDX-License-Identifier: Apache-2.0
"""A human takes and closes: a refusal has its reason, a change its line in the audit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from opaska_gateway import desk
from opaska_gateway.database import audit, cases
from opaska_gateway.errors import NotFound, Refused
from opaska_protocol import answers, reports
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from tests.support.gateway_core import Core, CoreBand

WHO = "dispatcher-1"


async def _rung(heart: Core, **band: Any) -> tuple[CoreBand, bytes]:
    worn = await heart.add_band(**band)
    await bring(heart, (worn, worn.sos()))
    (case,) = await heart.cases()
    return worn, case.id


async def test_taking_and_closing_are_felt_for_every_alarm_of_the_case(heart: Core) -> None:
    band, case_id = await _rung(heart)
    await bring(heart, (band, band.sos(kind=reports.FALL)), (band, band.heartbeat()))
    await desk.take(heart.context, case_id, WHO)
    await desk.close(heart.context, case_id, WHO, "helped", "neighbour came")
    for seq in (1, 2):
        assert band.states(seq) == [answers.STORED, answers.TAKEN, answers.CLOSED]
    assert band.states(3) == [answers.STORED]
    (case,) = await heart.cases()
    assert (case.state, case.taken_by, case.closed_by, case.outcome) == (
        "closed", WHO, WHO, "helped",
    )  # fmt: skip


async def test_every_change_has_its_line_in_the_audit(heart: Core) -> None:
    _, case_id = await _rung(heart)
    await desk.take(heart.context, case_id, WHO)
    await desk.close(heart.context, case_id, WHO, "not_needed", "pressed by mistake")
    lines = await heart.rows(
        "SELECT who, what, subject, from_value, to_value, why FROM audit ORDER BY id"
    )
    subject = f"case:{case_id.hex()}"
    assert lines == [
        (WHO, "case_taken", subject, "ringing", "taken", None),
        (WHO, "case_closed", subject, "taken", "closed not_needed", "pressed by mistake"),
    ]
    async with heart.database.read() as connection:
        assert await audit.first_break(connection) is None


async def test_a_ringing_case_cannot_be_closed_before_it_is_taken(heart: Core) -> None:
    _, case_id = await _rung(heart)
    with pytest.raises(Refused, match="take it first"):
        await desk.close(heart.context, case_id, WHO, "helped")
    assert (await heart.cases())[0].state == "ringing"
    assert await heart.rows("SELECT id FROM audit") == []


async def test_a_case_is_taken_and_closed_once(heart: Core) -> None:
    _, case_id = await _rung(heart)
    await desk.take(heart.context, case_id, WHO)
    with pytest.raises(Refused, match="taken"):
        await desk.take(heart.context, case_id, "dispatcher-2")
    await desk.close(heart.context, case_id, WHO, "helped")
    for again in (
        desk.close(heart.context, case_id, WHO, "helped"),
        desk.take(heart.context, case_id, WHO),
    ):
        with pytest.raises(Refused, match="closed already"):
            await again


async def test_an_external_receivers_case_is_not_taken_here(heart: Core) -> None:
    band, case_id = await _rung(heart, handling="external")
    for why in (None, " "):
        with pytest.raises(Refused, match="--why"):
            await desk.take(heart.context, case_id, WHO, why)
    assert band.states() == [answers.STORED]


async def test_an_external_case_that_cannot_be_delivered_is_taken_for_a_reason_and_closed(
    heart: Core,
) -> None:
    band, case_id = await _rung(heart, handling="external")
    await desk.take(heart.context, case_id, WHO, "receiver unreachable")
    await desk.close(heart.context, case_id, WHO, "helped")
    assert band.states() == [answers.STORED, answers.TAKEN, answers.CLOSED]
    lines = await heart.rows("SELECT what, why FROM audit ORDER BY id")
    assert lines == [("case_taken", "receiver unreachable"), ("case_closed", None)]
    (row,) = await heart.rows("SELECT outcome FROM outbox")
    assert row.outcome == "case_closed"


async def test_an_external_case_that_the_receiver_has_is_not_taken_for_any_reason(
    heart: Core,
) -> None:
    _, case_id = await _rung(heart, handling="external")
    await heart.database.transact(
        lambda connection: cases.update_case(connection, case_id, state="forwarded")
    )
    with pytest.raises(Refused, match="it is there"):
        await desk.take(heart.context, case_id, WHO, "because")
    await desk.close(heart.context, case_id, "api:receiver", "helped")


async def test_an_unknown_case_and_an_unknown_outcome_are_refused_with_advice(heart: Core) -> None:
    _, case_id = await _rung(heart)
    with pytest.raises(NotFound):
        await desk.take(heart.context, os.urandom(16), WHO)
    with pytest.raises(Refused, match="not_needed"):
        await desk.close(heart.context, case_id, WHO, "whatever")
