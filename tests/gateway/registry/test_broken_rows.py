# SPDX-License-Identifier: Apache-2.0
"""One person's damaged row hides nobody else, and not that person's alarm either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from opaska_gateway.database.tables import absence, person
from opaska_gateway.registry import absences, cases, falls, people, silence
from opaska_gateway.registry.sealed import UNREADABLE
from tests.support.falls import announced
from tests.support.gateway_core import core
from tests.support.pipeline_runs import bring
from tests.support.silence import FAULT_MIN, days

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_gateway.store import Store
    from tests.gateway.registry.conftest import NewChange


async def test_a_damaged_key_hides_no_case_no_fall_no_silent_band_and_no_person(
    tmp_path: Path,
) -> None:
    async with core(tmp_path) as heart:
        with days(heart) as here:
            broken, whole, other = [await heart.add_band() for _ in range(3)]
            await heart.name(whole, name="Anna")
            for band in (broken, whole):
                await bring(heart, (band, band.sos()), (band, announced(band)))
                await bring(heart, (band, band.heartbeat()))
            await here.pass_minutes(FAULT_MIN, [other])
            async with heart.database.write() as connection:
                this = person.c.id == broken.person_id
                await connection.execute(update(person).where(this).values(wrapped_key=b"bad"))
            async with heart.database.read() as connection:
                vault = heart.vault
                shown = {
                    "cases": await cases.list_all(connection, vault, closed_too=False),
                    "falls": await falls.list_all(connection, vault, 0),
                    "silent": await silence.list_all(connection, vault, None),
                    "people": await people.list_all(connection, vault),
                }
    for what, lines in shown.items():
        names = {line.get("name", "") for line in lines}
        assert names >= {UNREADABLE, "Anna"}, what


async def test_a_damaged_key_or_reason_hides_no_absence(store: Store, changing: NewChange) -> None:
    async with changing() as now:
        for name in ("Anna", "Beata", "Celina"):
            one = await people.add(now, {"name": name})
            await absences.add(now, one.hex(), "2099-12-20", "2099-12-24", "hospital")
        _, beata, celina = (
            await now.connection.execute(select(absence.c.id).order_by(absence.c.created_ms))
        ).scalars()
        await now.connection.execute(
            update(absence).where(absence.c.id == beata).values(sealed=b"bad")
        )
        await now.connection.execute(
            update(person)
            .where(person.c.id.in_(select(absence.c.person_id).where(absence.c.id == celina)))
            .values(wrapped_key=b"bad")
        )
        at_ms = now.at_ms
    async with store.database.read() as connection:
        lines = await absences.list_all(connection, store.vault, at_ms)
    assert sorted(line["why"] for line in lines) == ["hospital", UNREADABLE, UNREADABLE]
    assert sum(line["name"] == UNREADABLE for line in lines) == 1
