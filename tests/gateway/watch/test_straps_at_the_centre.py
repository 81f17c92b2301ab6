# SPDX-License-Identifier: Apache-2.0
"""A receiver that was told of a strap hears when the band is on again; never the other way round,
and of nothing else."""

from __future__ import annotations

import json
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import pytest

from opaska_gateway import clock
from opaska_gateway.centre.interface import Delivery, Outcome, Signal
from opaska_gateway.database import outbox
from opaska_protocol import reports
from tests.gateway.centre.peers import (
    KEY,
    a_receiver,
    centre_for,
    receiver_settings,
    siadc09_answer,
)
from tests.gateway.watch.forwarding import forwarding
from tests.support.gateway_core import Later
from tests.support.pipeline_runs import bring
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateway_core import Core, CoreBand

CODES = {
    "SIA-DCS": ["Nri1/TA8", "Nri1/TA10", "Nri1/TR8", "Nri1/TR10"],
    "ADM-CID": ["1144 01 008", "1144 01 010", "3144 01 008", "3144 01 010"],
}
WAITING = "SELECT id FROM outbox WHERE done_ms IS NULL"


class Listener:
    """A centre that hears everything and says what it is told to say."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bool]] = []  # kind, whether it is the end
        self.accounts: list[str] = []
        self.says: Outcome = "accepted"
        self.longest_s = 30.0

    async def deliver(self, signal: Signal) -> Delivery:
        if self.says == "accepted":
            self.heard.append((signal.kind, signal.restore))
            self.accounts.append(signal.account)
        return Delivery(self.says, "main", "as told")


def off(band: CoreBand, why: int = reports.WHY_TAKEN_OFF) -> bytes:
    return band.sos(kind=reports.STRAP, why=why)


def told(band: CoreBand, state: int, before: int = reports.TAKEN_OFF) -> bytes:
    return band.seal(reports.WEAR, uptime_ms=6_000, state=state, since_ms=5_500, before=before)


async def passed_on(heart: Core, centre: Listener) -> None:
    """Whatever waits is with the centre."""
    async with forwarding(heart, centre):
        await until(lambda: heart.context.busy == 0 and not _waits(heart), "the outbox", 30)


def _waits(heart: Core) -> bool:
    with sqlite3.connect(str(heart.database.url.database)) as connection:
        return connection.execute(WAITING).fetchone() is not None


@pytest.mark.parametrize("protocol", CODES)
async def test_a_strap_that_is_on_again_is_restored_in_the_receivers_codes(
    heart: Core, protocol: str
) -> None:
    band = await heart.add_band(account="CAFE01")
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex(), protocol=protocol, ack_window_s=0)
        async with centre_for(settings) as centre, forwarding(heart, centre):
            await bring(heart, (band, off(band)), (band, told(band, reports.TAKEN_OFF)))
            await bring(heart, (band, off(band, reports.WHY_CUT)))
            await until(lambda: len(peer.raw) == 2, "both alarms at the centre", 30)
            await until(lambda: heart.context.busy == 0, "their record", 30)
            await bring(heart, (band, told(band, reports.WORN, reports.CUT)))
            await until(lambda: len(peer.raw) == 4, "their ends at the centre", 30)
    frames = peer.frames(KEY)
    assert sorted(frame.data.partition("|")[2] for frame in frames) == sorted(CODES[protocol])
    assert {frame.data.partition("|")[2] for frame in frames[2:]} == set(CODES[protocol][2:])
    assert {frame.account for frame in frames} == {"CAFE01"}
    (case,) = await heart.cases()
    assert case.state == "forwarded", "a human closes it"


async def test_the_end_never_overtakes_an_alarm_that_still_waits_for_the_centre(
    heart: Core,
) -> None:
    band, centre = await heart.add_band(), Listener()
    centre.says = "unreachable"
    async with forwarding(heart, centre):
        await bring(heart, (band, off(band)))
        await until(lambda: heart.context.counters["delivery.unreachable"], "an attempt", 30)
        await bring(heart, (band, told(band, reports.WORN)))
        await until(lambda: heart.context.busy == 0, "its record", 30)
    assert await heart.rows("SELECT id FROM outbox WHERE destination = 'trouble'") == []
    centre.says = "accepted"
    with clock.driven_by(Later(3_600_000)):
        await passed_on(heart, centre)
    assert centre.heard == [("strap", False), ("strap", True)]


async def test_only_worn_ends_it_and_only_what_came_before_it(heart: Core) -> None:
    band, centre = await heart.add_band(), Listener()
    early = told(band, reports.WORN)  # waited on the band until after the alarm
    await bring(heart, (band, off(band)))
    await passed_on(heart, centre)
    await bring(
        heart,
        (band, early),
        (band, told(band, reports.TAKEN_OFF)),
        (band, told(band, reports.CHARGING)),
        (band, told(band, reports.LOOSE)),
        (band, band.heartbeat(wear=reports.LOOSE)),
    )
    await passed_on(heart, centre)
    assert centre.heard == [("strap", False)]
    band.restart()
    await bring(heart, (band, told(band, reports.WORN)), (band, told(band, reports.WORN)))
    await bring(heart, (band, told(band, reports.WORN)))
    await passed_on(heart, centre)
    assert centre.heard == [("strap", False), ("strap", True)], "once"


async def test_each_taking_off_has_its_own_end_and_other_alarms_have_none(heart: Core) -> None:
    band, other, centre = await heart.add_band(account="A1A"), await heart.add_band(), Listener()
    for _ in range(2):
        await bring(heart, (band, off(band)), (band, band.sos()), (other, off(other)))
        await passed_on(heart, centre)
        await bring(heart, (band, told(band, reports.WORN)))
        await passed_on(heart, centre)
    ends = [kind for kind, restore in centre.heard if restore]
    assert ends == ["strap", "strap"]
    ended = [one for one, (_, end) in zip(centre.accounts, centre.heard, strict=True) if end]
    assert ended == ["A1A", "A1A"]


async def test_many_alarms_of_one_taking_off_have_one_end(heart: Core) -> None:
    band, centre = await heart.add_band(), Listener()
    for _ in range(5):
        await bring(heart, (band, off(band)))
    await passed_on(heart, centre)
    for _ in range(5):
        await bring(heart, (band, told(band, reports.WORN)), (band, off(band)))
    assert len(await heart.rows("SELECT id FROM outbox WHERE destination = 'trouble'")) == 1


async def test_what_the_centre_never_heard_of_has_no_end_there(heart: Core) -> None:
    band, centre = await heart.add_band(), Listener()
    await bring(heart, (band, off(band)))
    (case,) = await heart.cases()
    await heart.database.transact(partial(outbox.drop_of_case, case_id=case.id, at_ms=1))
    await bring(heart, (band, told(band, reports.WORN)))
    await passed_on(heart, centre)
    assert centre.heard == []


async def test_an_end_is_a_trouble_that_says_when_and_rings_nowhere(heart: Core) -> None:
    band, centre = await heart.add_band(), Listener()
    now_ms = clock.now_ms()
    await bring(heart, (band, off(band)), received_ms=now_ms)
    await passed_on(heart, centre)
    await bring(heart, (band, told(band, reports.WORN)), received_ms=now_ms + 1_000)
    query = "SELECT payload, event_id, case_id FROM outbox WHERE destination = 'trouble'"
    (row,) = await heart.rows(query)
    assert json.loads(row.payload) == {"kind": "strap", "restore": True, "text": "worn again"}
    assert row.case_id is None
    (end,) = [event for event in await heart.events() if event.id == row.event_id]
    assert (end.kind, end.rings, end.person_id) == ("duty", 0, band.person_id)
    assert end.occurred_ms == now_ms + 1_000


@pytest.mark.parametrize(
    ("rows", "ends"),
    [
        ({"strap": ["TA"]}, []),  # a table without a restore
        ({"strap": ["TA/TR"]}, ["Nri1/TR8"]),  # in which a cut strap is a strap
        ({}, []),  # it was told as something else
    ],
)
async def test_a_table_without_a_code_for_the_end_never_rings_again_for_it(
    heart: Core, tmp_path: Path, rows: dict[str, list[str]], ends: list[str]
) -> None:
    text = "[own]\n"
    sos = {kind: ["QA/QH"] for kind in ("sos", "other", "periodic_test")}
    for kind, sia in {**sos, **rows}.items():
        text += f'{kind} = {{ contact_id = ["144"], sia = {json.dumps(sia)}, zone = 8 }}\n'
    (tmp_path / "own.toml").write_text(text, "utf-8")
    band = await heart.add_band()
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex(), profile="own", ack_window_s=0)
        async with (
            centre_for(settings, profiles_file=tmp_path / "own.toml") as centre,
            forwarding(heart, centre),
        ):
            await bring(heart, (band, off(band, reports.WHY_CUT)))
            await until(lambda: len(peer.raw) == 1, "the alarm at the centre", 30)
            await until(lambda: heart.context.busy == 0, "its record", 30)
            await bring(heart, (band, told(band, reports.WORN)))
            await until(lambda: not _waits(heart) and not heart.context.busy, "a decision", 30)
    said = [frame.data.partition("|")[2] for frame in peer.frames(KEY)]
    assert said[1:] == ends
