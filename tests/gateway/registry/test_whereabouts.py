# SPDX-License-Identifier: Apache-2.0
"""registry/whereabouts.py: zones as a human writes them, nothing that a band would refuse; and
places, which belong to whoever wore the band then, and are read by nobody unseen."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from opaska_gateway import clock, order_arguments
from opaska_gateway.commands.cases import shown
from opaska_gateway.commands.office import Office
from opaska_gateway.errors import Refused
from opaska_gateway.registry import whereabouts
from opaska_gateway.registry.change import Change
from opaska_gateway.registry.whereabouts import parse_zone
from opaska_gateway.settings import PlacesSettings, Settings
from opaska_gateway.vault import Vault, VaultError
from opaska_protocol import reports
from opaska_protocol.orders import LOCATE, ZONES
from tests.support.gateway_core import assign
from tests.support.pipeline_runs import bring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand

KID, OTHER = b"12345678", b"87654321"
HOME = {1: [522_242_700, 210_123_000, 300]}


def test_a_zone_is_degrees_and_metres() -> None:
    assert parse_zone("1=52.22427,21.0123,300") == (1, HOME[1])
    assert parse_zone("3=-16.8,-179.5,50000") == (3, [-168_000_000, -1_795_000_000, 50_000])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("home=52,21,300", "NUMBER=LATITUDE"),
        ("4=52,21,300", "1 to 3"),
        ("0=52,21,300", "1 to 3"),
        ("1=91,21,300", "latitude"),
        ("1=52,181,300", "longitude"),
        ("1=52,21,49", "50 to 50000"),
        ("1=52,21,50001", "50 to 50000"),
        ("1=52;21;300", "such as"),
        ("1=52,21,", "such as"),
        ("1=nan,21,300", "such as"),
    ],
)
def test_what_is_no_zone_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        parse_zone(text)


def test_where_somebody_lives_waits_sealed_and_opens_for_its_band_alone(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault.key")
    kept = order_arguments.kept(vault, KID, ZONES, HOME)
    assert order_arguments.opened(vault, KID, ZONES, kept) == HOME
    with pytest.raises(VaultError):
        order_arguments.opened(vault, OTHER, ZONES, kept)
    assert (
        order_arguments.opened(vault, KID, LOCATE, order_arguments.kept(vault, KID, LOCATE, {}))
        == {}
    )


async def _is_at(heart: Core, band: CoreBand, latitude_e7: int) -> None:
    fields = {"source": reports.FROM_GNSS, "why": reports.FIX_ON_REQUEST}
    position = [latitude_e7, 210_000_000, 5, 0]
    await bring(
        heart, (band, band.seal(reports.POSITION, uptime_ms=1, position=position, **fields))
    )


async def _worn_by_another(heart: Core, band: CoreBand) -> None:
    def hand_over(connection: Connection) -> None:
        end = "UPDATE assignment SET to_ms = :now WHERE to_ms IS NULL"
        connection.execute(text(end), {"now": clock.now_ms()})
        assign(connection, heart.vault, band, clock.now_ms())

    await heart.database.transact(hand_over)
    await heart.context.changed_elsewhere()


async def _read(heart: Core, band: CoreBand) -> list[float]:
    """Latitudes."""
    async with heart.database.write() as connection:
        change = Change(connection, heart.vault, "os:tester", clock.now_ms())
        places = await whereabouts.of_band(change, band.kid_hex, "daughter calls")
    return [place["latitude"] for place in places]


async def test_whoever_wears_a_band_is_not_taken_for_whoever_wore_it_before(heart: Core) -> None:
    band = await heart.add_band()
    await _is_at(heart, band, 500_000_000)
    assert await _read(heart, band) == [50.0]
    await _worn_by_another(heart, band)
    assert await _read(heart, band) == []
    await _is_at(heart, band, 510_000_000)
    assert await _read(heart, band) == [51.0]


async def test_where_a_band_in_store_is_may_be_read_but_not_where_its_wearer_was(
    heart: Core,
) -> None:
    band = await heart.add_band(worn=False)
    await _is_at(heart, band, 500_000_000)
    assert await _read(heart, band) == [50.0]
    await heart.database.transact(
        lambda connection: assign(connection, heart.vault, band, clock.now_ms()) and None
    )
    await heart.context.changed_elsewhere()
    assert await _read(heart, band) == []


async def test_who_reads_where_somebody_is_stands_in_the_audit_with_the_reason(
    heart: Core,
) -> None:
    band = await heart.add_band()
    await _is_at(heart, band, 500_000_000)
    await _read(heart, band)
    assert band.person_id is not None
    assert await heart.rows("SELECT who, what, subject, why FROM audit") == [
        ("os:tester", "places_read", f"person:{band.person_id.hex()}", "daughter calls")
    ]


def _office(heart: Core) -> Office:
    store: Any = SimpleNamespace(database=heart.database, vault=heart.vault)
    return Office(Settings(), store, "os:tester")


async def test_who_reads_the_places_of_a_case_stands_in_the_audit(heart: Core) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    (case,) = await heart.cases()
    await shown(_office(heart), case.id)
    assert await heart.rows("SELECT what FROM audit") == [], "there were none"
    await _is_at(heart, band, 500_000_000)
    found = await shown(_office(heart), case.id)
    assert [place["latitude"] for place in found["places"]] == [50.0]
    assert await heart.rows("SELECT who, what, subject FROM audit") == [
        ("os:tester", "places_read", f"case:{case.id.hex()}")
    ]


async def test_the_cell_of_an_alarm_without_a_sky_is_told_with_what_the_table_says(
    heart: Core, tmp_path: Path
) -> None:
    band = await heart.add_band()
    fields = {"source": reports.FROM_CELL, "why": reports.FIX_FOR_ALARM, "of_seq": 1}
    cell = band.seal(reports.POSITION, uptime_ms=1, cell=[260, 3, 11111, 662316], **fields)
    await bring(heart, (band, band.sos()), (band, cell))
    (case,) = await heart.cases()
    office = _office(heart)
    ((place),) = (await shown(office, case.id))["places"]
    assert (place["cell"], place["latitude"]) == ("260-3-11111-662316", None)
    assert "cell_at" not in place
    table = tmp_path / "cells.csv"
    table.write_text("LTE,260,3,11111,662316,0,21.0122,52.2297,1200,7,1,1,1,0\n")
    settings = Settings(places=PlacesSettings(cells_file=table))
    told = await shown(Office(settings, office.store, office.who), case.id)
    assert told["places"][0]["cell_at"] == "perhaps within 1200 m of 52.22970,21.01220"
    assert told["places"][0]["latitude"] is None


async def test_a_full_disk_hides_from_no_helper_where_to_go(
    heart: Core, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    band = await heart.add_band()
    await bring(heart, (band, band.sos()))
    await _is_at(heart, band, 500_000_000)
    (case,) = await heart.cases()
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL

    async def fails(*_: object) -> None:
        raise DBAPIError("INSERT", {}, full)

    monkeypatch.setattr("opaska_gateway.database.audit.append", fails)
    assert (await shown(_office(heart), case.id))["places"]
    assert "the disk is full; the audit does not say" in capsys.readouterr().err


async def test_places_are_not_crowded_out_by_alarms_that_have_none(heart: Core) -> None:
    band = await heart.add_band()
    await _is_at(heart, band, 500_000_000)
    await bring(heart, *((band, band.sos()) for _ in range(60)))
    assert await _read(heart, band) == [50.0]
