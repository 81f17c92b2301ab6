# SPDX-License-Identifier: Apache-2.0
"""A band has the time of its wearer's home, in summer and in winter, and after she has moved."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from opaska_gateway import clock
from opaska_gateway.database import band_settings, home_time, tables
from opaska_gateway.errors import Refused
from opaska_gateway.registry import orders
from opaska_gateway.registry.change import Change
from opaska_gateway.watch import home_time as duty
from opaska_protocol import cbor
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection, Executable

    from tests.support.gateway_core import Core, CoreBand

WINTER, SUMMER = "2027-03-28T00:59:59+00:00", "2027-03-28T01:00:00+00:00"  # in Europe
AUTUMN = "2027-10-31T01:00:00+00:00"
OFFSET_KEY = 15
ORDERED = "SELECT arguments FROM band_order WHERE device_id = :band ORDER BY dseq"


class At(clock.SystemSource):
    """A clock that stands still."""

    def __init__(self, moment: str) -> None:
        self._now_ms = ms(moment)

    def now_ms(self) -> int:
        return self._now_ms


def ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


@contextmanager
def it_is(moment: str) -> Generator[None]:
    with clock.driven_by(At(moment)):
        yield


async def look(heart: Core) -> int:
    """One round of the duty; how many were wrong."""
    async with heart.database.read() as connection:
        wrong = await connection.run_sync(home_time.wrong, clock.now_ms())
    await duty.HomeTime(heart.context)._round()
    return len(wrong)


async def ordered(heart: Core, band: CoreBand) -> list[int]:
    """Offsets, oldest first."""
    rows = await heart.rows(ORDERED, band=band.device_id)
    return [cbor.decode(row.arguments)[OFFSET_KEY] for row in rows]


async def test_summer_time_is_ordered_when_it_begins_and_when_it_ends_and_not_between(
    heart: Core,
) -> None:
    with it_is(WINTER):
        band = await heart.add_band()
        assert await look(heart) == 0, "a band is made with the winter's"
    for _ in range(2):
        with it_is(SUMMER):
            await look(heart)
        with it_is("2027-07-01T12:00:00+00:00"):
            assert await look(heart) == 0
        assert await ordered(heart, band) == [120]
    with it_is(AUTUMN):
        assert await look(heart) == 1
    assert await ordered(heart, band) == [120, 60]


async def test_her_other_settings_stay_and_the_audit_says_who_changed_what(heart: Core) -> None:
    with it_is(WINTER):
        band = await heart.add_band()
        await _have(heart, band, {"hr_low": 45, "quiet": True})
    with it_is(SUMMER):
        await look(heart)
    (settings,) = await heart.rows("SELECT settings FROM assignment")
    assert json.loads(settings[0]) == {"hr_low": 45, "quiet": True, "utc_offset_min": 120}
    async with heart.database.read() as connection:
        known = await connection.run_sync(band_settings.known, band.device_id)
    assert known.desired is not None
    assert known.desired.settings == json.loads(settings[0])
    (line,) = await heart.rows("SELECT who, what, from_value, to_value FROM audit")
    assert tuple(line) == (
        "gateway",
        "settings_ordered",
        "utc_offset_min=60",
        "utc_offset_min=120 version=1",
    )


@pytest.mark.parametrize(
    ("zone", "moment", "offsets"),
    [
        ("Europe/Lisbon", WINTER, [0]),
        ("Europe/Lisbon", SUMMER, []),  # an hour, as a band is made with
        ("Europe/Kyiv", WINTER, [120]),
        ("America/St_Johns", WINTER, [-150]),  # they have changed their clocks already
        ("No/Such", SUMMER, []),
    ],
)
async def test_it_is_the_home_that_counts_and_the_newest_of_homes(
    heart: Core, zone: str, moment: str, offsets: list[int]
) -> None:
    with it_is(moment):
        band = await heart.add_band()
        for age_ms, name in ((0, zone), (9_000, "Asia/Tokyo")):
            await _live_in(heart, band, name, clock.now_ms() - age_ms)
        await look(heart)
    assert await ordered(heart, band) == offsets


async def test_a_band_in_store_and_a_revoked_one_are_left_alone(heart: Core) -> None:
    with it_is(SUMMER):
        await heart.add_band(worn=False)
        taken_off, revoked = await heart.add_band(), await heart.add_band()
        ends = update(tables.assignment).where(tables.assignment.c.id == taken_off.assignment_id)
        revokes = update(tables.device).where(tables.device.c.id == revoked.device_id)
        for change in (ends.values(to_ms=clock.now_ms()), revokes.values(revoked_ms=1)):
            await _change(heart, change)
        assert await look(heart) == 0


async def test_a_band_whose_order_fails_holds_up_no_other(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = band_settings.want
    with it_is(SUMMER):
        bands = [await heart.add_band() for _ in range(3)]
        bad = bands[1].device_id

        def fails(connection: Connection, device_id: bytes, *rest: object) -> tuple[int, int]:
            if device_id == bad:
                raise ArithmeticError
            return want(connection, device_id, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(band_settings, "want", fails)
        await look(heart)
        assert [await ordered(heart, band) for band in bands] == [[120], [], [120]]
        monkeypatch.undo()
        assert await look(heart) == 1, "it is tried again"


async def test_the_duty_goes_on_after_a_failure_and_begins_soon_after_the_start(
    heart: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def breaks(_: Connection, now_ms: int) -> list[bytes]:
        looks.append(now_ms)
        raise ArithmeticError

    monkeypatch.setattr(home_time, "wrong", breaks)
    monkeypatch.setattr(duty, "START_S", 0.0)
    monkeypatch.setattr(duty, "LOOK_AGAIN_S", 0.0)
    task = asyncio.create_task(duty.HomeTime(heart.context).run())
    await until(lambda: len(looks) > 2, "more looks")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_orders_another_offset_by_hand_while_somebody_wears_it(heart: Core) -> None:
    band = await heart.add_band()
    async with heart.database.write() as connection:
        change = Change(connection, heart.vault, "test", clock.now_ms())
        with pytest.raises(Refused, match="wearer's home"):
            await orders.set_band(change, band.kid_hex, {"utc_offset_min": 0})


async def _have(heart: Core, band: CoreBand, settings: dict[str, object]) -> None:
    mine = tables.assignment.c.id == band.assignment_id
    await _change(heart, update(tables.assignment).where(mine).values(settings=settings))


async def _live_in(heart: Core, band: CoreBand, zone: str, since_ms: int) -> None:
    row = {
        "id": uuid4().bytes,
        "organisation_id": band.organisation_id,
        "person_id": band.person_id,
        "time_zone": zone,
        "created_ms": since_ms,
    }
    await _change(heart, insert(tables.place).values(row))


async def _change(heart: Core, statement: Executable) -> None:
    await heart.database.transact(lambda connection: connection.execute(statement))
