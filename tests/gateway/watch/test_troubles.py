# SPDX-License-Identifier: Apache-2.0
"""Faults of bands reach the centre when its table of codes wants them, and never as an alarm."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from opaska_gateway import clock
from opaska_gateway.centre.interface import Delivery, Outcome, Signal
from opaska_gateway.database import tables
from opaska_gateway.troubles import AGAIN_AFTER_MS, LIFE_MS, MAX_KNOWN, Troubles
from opaska_gateway.watch.forward_outbox import HANDS
from opaska_protocol import answers, reports
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
    from tests.support.gateway_core import Core, CoreBand


class FakeCentre:
    """Takes alarms at once, and troubles as it is told and when it may."""

    longest_s = 30.0

    def __init__(self, outcome: Outcome = "accepted") -> None:
        self.outcome: Outcome = outcome
        self.alarms: list[Signal] = []
        self.troubles: list[Signal] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def deliver(self, signal: Signal) -> Delivery:
        if not signal.trouble:
            self.alarms.append(signal)
            return Delivery("accepted", "main", "as told")
        self.troubles.append(signal)
        await self.may_answer.wait()
        return Delivery(self.outcome, "main", "as told")


def _fault(band: CoreBand, code: int = reports.FLASH_FULL, **more: Any) -> tuple[CoreBand, bytes]:
    return band, band.seal(reports.FAULT, uptime_ms=1, code=code, **more)


async def _rows(heart: Core) -> list[tuple[str, str | None, bool]]:
    rows = await heart.rows("SELECT payload, outcome, done_ms FROM outbox ORDER BY id")
    return [(json.loads(row[0])["kind"], row[1], row[2] is not None) for row in rows]


async def _all_done(heart: Core) -> None:
    async with asyncio.timeout(10):
        while not all(done for _, _, done in await _rows(heart)):  # noqa: ASYNC110 - rows tell no event
            await asyncio.sleep(0.02)


async def test_a_fault_reaches_a_receiver_in_the_codes_of_its_table_and_no_case_is_opened(
    heart: Core,
) -> None:
    band = await heart.add_band(account="CAFE01")
    async with a_receiver(siadc09_answer(KEY)) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex())
        async with centre_for(settings) as centre, forwarding(heart, centre):
            await bring(heart, _fault(band, detail="outbox"), _fault(band, reports.ORDER_REFUSED))
            await _all_done(heart)
    (frame,) = peer.frames(KEY)
    assert frame.data == "#CAFE01|Nri1/YX13"
    assert "Iband fault flash full outbox" in frame.xdata
    assert await _rows(heart) == [
        ("fault_flash_full", "accepted", True),
        ("fault_order_refused", "unwanted", True),
    ]
    assert await heart.cases() == []
    assert band.states() == [answers.STORED]


async def test_the_next_receiver_gets_what_the_first_ones_table_leaves_out(
    heart: Core, tmp_path: Any
) -> None:
    row = '{ contact_id = ["100"], sia = ["MA/MH"], zone = 3 }'
    table = tmp_path / "own.toml"
    table.write_text(f"[own]\nsos = {row}\nother = {row}\nperiodic_test = {row}\n", "utf-8")
    band = await heart.add_band()
    async with a_receiver(siadc09_answer(KEY)) as first, a_receiver(siadc09_answer(KEY)) as second:
        alarms_only = receiver_settings(first.port, key=KEY.hex(), profile="own")
        all_of_it = receiver_settings(second.port, key=KEY.hex(), name="workshop")
        async with (
            centre_for(alarms_only, all_of_it, profiles_file=table) as centre,
            forwarding(heart, centre),
        ):
            await bring(heart, _fault(band))
            await _all_done(heart)
    assert (len(first.raw), len(second.raw)) == (0, 1)


async def test_the_same_fault_is_told_once_an_hour_also_after_a_restart(heart: Core) -> None:
    band, other = await heart.add_band(), await heart.add_band()
    centre = FakeCentre()
    async with forwarding(heart, centre):
        await bring(heart, _fault(band))
        await _all_done(heart)
        for _ in range(5):
            await bring(heart, _fault(band))
        await bring(heart, _fault(band, reports.TASK_FAILED), _fault(other))
        await _all_done(heart)
    told = [(signal.kind, signal.account) for signal in centre.troubles]
    assert sorted(told) == [
        ("fault_flash_full", "1234"),
        ("fault_flash_full", "1234"),
        ("fault_task_failed", "1234"),
    ]
    again = FakeCentre()
    context = heart.new_context()
    async with forwarding(heart, again, context):
        await until(
            lambda: context.troubles.is_repeat(band.device_id, "fault_flash_full", clock.now_ms()),
            "what was told",
        )
        await bring(heart, _fault(band), context=context)
        await _all_done(heart)
        assert again.troubles == []
        with clock.driven_by(Later(AGAIN_AFTER_MS)):
            await bring(heart, _fault(band), context=context)
            await until(lambda: len(again.troubles) == 1, "the fault, an hour later")
            await _all_done(heart)
    assert [outcome for _, outcome, _ in await _rows(heart)].count("repeated") == 6


async def test_repeats_that_came_before_the_first_was_told_are_dropped_then(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre()
    for _ in range(5):  # a batch each: nothing was told yet
        await bring(heart, _fault(band))
    async with forwarding(heart, centre):
        await _all_done(heart)
    assert len(centre.troubles) == 1
    assert heart.context.busy == 0


async def test_an_alarm_does_not_wait_for_a_thousand_faults_nor_for_one_that_hangs(
    heart: Core,
) -> None:
    bands = [await heart.add_band(account=f"{n:04X}") for n in range(30)]
    centre = FakeCentre()
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, *(_fault(band, code) for band in bands for code in range(1, 10)))
        await until(lambda: centre.troubles, "a trouble in hand")
        await bring(heart, (bands[0], bands[0].sos()))
        await until(lambda: answers.ACCEPTED in bands[0].states(), "ACCEPTED", 5.0)
        assert len(centre.troubles) == HANDS["trouble"]


async def test_an_alarm_does_not_wait_for_a_fault_of_the_same_account(heart: Core) -> None:
    async with a_receiver(siadc09_answer(KEY), after_s=1.0) as peer:
        settings = receiver_settings(peer.port, key=KEY.hex())
        async with centre_for(settings, patience_s=30) as centre:
            trouble = Signal(
                account="1409", kind="fault", number=1, occurred_ms=clock.now_ms(), trouble=True
            )
            sos = Signal(account="1409", kind="sos", number=2, occurred_ms=clock.now_ms())
            both = asyncio.gather(centre.deliver(trouble), centre.deliver(sos))
            await until(lambda: peer.most_at_once == 2, "both at once", 0.9)
            await both


async def test_a_fault_that_no_receiver_takes_is_left_after_a_day_and_an_alarm_never(
    heart: Core,
) -> None:
    band = await heart.add_band()
    centre = FakeCentre("refused")
    async with forwarding(heart, centre):
        await bring(heart, _fault(band), received_ms=clock.now_ms() - LIFE_MS + 60_000)
        await until(lambda: centre.troubles, "an attempt")
        await until(lambda: heart.context.busy == 0, "its end")
        assert await _rows(heart) == [("fault_flash_full", "refused", False)]
        with clock.driven_by(Later(120_000)):
            heart.context.outbox_ready.set()
            await _all_done(heart)
    assert await _rows(heart) == [("fault_flash_full", "refused", True)]


@pytest.mark.parametrize("worn", [True, False])
async def test_a_fault_without_an_account_is_for_the_technician_alone(
    heart: Core, worn: bool
) -> None:
    band = await heart.add_band(account=None, worn=worn)
    centre = FakeCentre()
    async with forwarding(heart, centre):
        await bring(heart, _fault(band))
        await _all_done(heart)
    assert centre.troubles == []
    assert await _rows(heart) == [("fault_flash_full", "unwanted", True)]


async def test_a_fault_that_waits_keeps_no_case_from_being_forwarded(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre()
    centre.may_answer.clear()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.sos()), _fault(band))
        await until(lambda: answers.ACCEPTED in band.states(1), "ACCEPTED on the wrist")
        assert (await heart.cases())[0].state == "forwarded"


async def test_a_fault_whose_body_is_garbage_is_told_as_an_unknown_one(heart: Core) -> None:
    band = await heart.add_band()
    centre = FakeCentre()
    async with forwarding(heart, centre):
        await bring(heart, (band, band.seal_body(b"\xa2\x00\x04\x04\x20")))
        await _all_done(heart)
        async with heart.database.write() as connection:
            await connection.execute(update(tables.event).values(body=b"\xff"))
        await bring(heart, _fault(band, reports.FLASH_FULL))
        await _all_done(heart)
    assert [signal.kind for signal in centre.troubles] == ["fault", "fault_flash_full"]


def test_what_is_remembered_is_bounded_and_a_clock_set_back_silences_nothing() -> None:
    known = Troubles()
    known.remember((n.to_bytes(4, "big"), "fault", n, 1_000) for n in range(MAX_KNOWN + 5))
    assert len(known._told) == MAX_KNOWN
    newest = (MAX_KNOWN + 4).to_bytes(4, "big")
    assert known.is_repeat(newest, "fault", 1_000)
    assert not known.is_repeat(newest, "fault", 1_000, MAX_KNOWN + 4)  # its own next attempt
    assert not known.is_repeat(newest, "fault", 999)
    assert not known.is_repeat(newest, "fault", 1_000 + AGAIN_AFTER_MS)
    assert not known.is_repeat((0).to_bytes(4, "big"), "fault", 1_000)
