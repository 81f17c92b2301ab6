# SPDX-License-Identifier: Apache-2.0
"""Whoever looks sees every announced fall and what became of it; nothing cancelled disappears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from opaska_gateway import clock
from opaska_gateway.registry import cases, falls
from opaska_protocol import reports
from tests.support.falls import after_deadline, announced, cancelled, fell
from tests.support.gateway_core import Core, core
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture
async def heart(tmp_path: Path) -> AsyncGenerator[Core]:
    async with core(tmp_path) as heart:
        yield heart


async def _listed(heart: Core, since_ms: int = 0) -> list[dict[str, Any]]:
    async with heart.database.read() as connection:
        return await falls.list_all(connection, heart.vault, since_ms)


async def test_every_fall_is_listed_with_its_wearer_and_what_became_of_it(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band(worn=False)
    await heart.name(band, name="Maria Nowak")
    now_ms = clock.now_ms()
    await bring(heart, (band, announced(band)), received_ms=now_ms - 9_000)
    await bring(heart, (band, cancelled(band, of_seq=1, reason=reports.WALKED_ON)))
    await bring(heart, (other, announced(other)), received_ms=now_ms - 8_000)
    await after_deadline(heart)
    await bring(heart, (band, announced(band)), (band, fell(band, of_seq=3, still=True)))
    await bring(heart, (band, announced(band)))
    waits, raised, silent, walked = await _listed(heart)
    (its_case,) = [case.id.hex() for case in await heart.cases() if case.person_id]
    assert [(one["state"], one["settled_by"], one["still"], one["name"]) for one in (
        waits, raised, silent, walked,
    )] == [
        ("announced", None, None, "Maria Nowak"),
        ("raised", "deadline", True, "Maria Nowak"),
        ("raised", "gateway", None, ""),
        ("cancelled", "walked_on", None, "Maria Nowak"),
    ]  # fmt: skip
    assert (raised["case"], walked["case"], waits["case"]) == (its_case, None, None)
    assert (silent["kid"], silent["seq"]) == (other.kid_hex, 1)
    assert walked["happened_ms"] == now_ms - 9_000
    assert walked["cancelled_ms"] == walked["settled_ms"] >= now_ms
    assert [one["seq"] for one in await _listed(heart, now_ms - 8_500)] == [5, 3, 1]


async def test_an_end_without_its_announcement_is_listed_too(heart: Core) -> None:
    band = await heart.add_band()
    await heart.name(band, name="Jan")
    await bring(heart, (band, cancelled(band, of_seq=7)))
    (fall,) = await _listed(heart)
    assert (fall["state"], fall["seq"], fall["name"]) == ("cancelled", 7, "Jan")
    assert fall["happened_ms"] is fall["announced_ms"] is None


async def test_the_case_list_marks_a_fall_after_which_nobody_moves(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, announced(band)))
    await after_deadline(heart)
    await bring(heart, (band, band.sos()), (band, fell(band, of_seq=1, still=True)))
    async with heart.database.read() as connection:
        (case,) = await cases.list_all(connection, heart.vault, closed_too=False)
    assert case["kinds"] == ["fall", "sos", "fall_no_movement"]


async def test_of_an_erased_person_only_the_count_stays(heart: Core) -> None:
    band = await heart.add_band()
    await heart.name(band, name="Jan")
    await bring(heart, (band, announced(band)), (band, cancelled(band, of_seq=1)))
    await heart.database.transact(
        lambda connection: connection.execute(
            text("UPDATE person SET wrapped_key = NULL, sealed = NULL, erased_ms = 1")
        ).close()
    )
    (fall,) = await _listed(heart)
    assert (fall["state"], fall["name"]) == ("cancelled", "")
