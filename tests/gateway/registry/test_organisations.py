# SPDX-License-Identifier: Apache-2.0
"""Nothing has to be set up before the first band; with two owners one must be named."""

from __future__ import annotations

import pytest

from opaska_gateway.errors import NotFound, Refused
from opaska_gateway.registry import bands, organisations, people
from opaska_gateway.store import Store
from tests.gateway.registry.conftest import NewChange


async def test_the_first_band_brings_its_owner_and_agreement(
    store: Store, changing: NewChange
) -> None:
    async with changing() as now:
        await bands.add(now)
        await people.add(now, {"name": "Anna"})
    async with store.database.read() as connection:
        (only,) = await organisations.list_all(connection)
    assert only["name"] == "Opaska"
    assert only["handling"] == "console"
    assert only["to_ms"] is None


async def test_with_two_owners_one_must_be_named(changing: NewChange) -> None:
    async with changing() as now:
        north = await organisations.add(now, "North", default_account="abc")
        await organisations.add(now, "South")
        with pytest.raises(Refused, match="say which one with --organisation NAME"):
            await bands.add(now)
        for name in ("North", north.hex(), north.hex()[:8]):
            await bands.add(now, organisation=name)
        await bands.add(now, "1", "South")  # labels are the owner's own
        with pytest.raises(NotFound, match="opaska organisations list"):
            await bands.add(now, organisation="East")
        with pytest.raises(Refused, match="there is an organisation North already"):
            await organisations.add(now, "North")
        with pytest.raises(Refused, match="an organisation needs a name"):
            await organisations.add(now, " ")


@pytest.mark.parametrize("name", ["", "Warsaw", "Europe/Nowhere", "../../etc/passwd", "/etc"])
async def test_an_unknown_time_zone_is_refused(changing: NewChange, name: str) -> None:
    async with changing() as now:
        with pytest.raises(Refused, match="is not a time zone; write one like Europe/Warsaw"):
            await organisations.add(now, "North", time_zone=name)
