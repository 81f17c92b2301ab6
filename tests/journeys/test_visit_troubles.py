# SPDX-License-Identifier: Apache-2.0
"""What may go wrong while a carer holds her card to the band: the whole band and the real gateway,
in virtual time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cbor2
import pytest

from hardware.simulated.chips.pn532 import FAULTS
from opaska_protocol import reports
from opaska_protocol.reports import decode_report
from opaska_tools.simulator.circuit import PINS, Card, Ntag213, Ntag424
from opaska_tools.stage.virtual_scene import virtual_scene
from tests.support.command import opaska
from tests.support.requirements import requires_program
from tests.support.visit_scene import COUNT, SECOND_MS, STARTED_MS, TOUCHED_MS, UID, felt, knock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_tools.stage.virtual_scene import VirtualScene

pytestmark = requires_program("micropython")

MINUTE_MS = 60_000
NOTICED_MS = 601_000  # until a gateway in virtual time sees what a command has changed
HOLD_MS = 500
AS_EVER_MS = 200  # from the end of the hold to STORED, also without a carer
BROKEN = 16  # key of a heartbeat
BODIES = "SELECT body FROM event WHERE report_type = ? ORDER BY id"
ANNA, OLGA = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("04a1b2c3d4e5f7")


def smart() -> Ntag424:
    """A card that nobody has registered: what it proves is not at stake here."""
    return Ntag424(bytes.fromhex(UID), bytes(16), bytes(16))


async def until(scene: VirtualScene, so: Callable[[], bool]) -> None:
    for _ in range(500):
        if so():
            return
        await scene.clock.run_for(20)
    pytest.fail("it did not come")


class Telephone(Card):
    """Smart, and of no application that we know."""

    ats = bytes.fromhex("067577810280")

    def begin(self) -> None:
        self.uid = b"\x08" + os.urandom(3)

    def answer(self, command: bytes) -> bytes | None:
        del command
        return bytes.fromhex("6a82")


class Liar(Card):
    def begin(self) -> None:
        self.uid = b"\x04" + os.urandom(6)


def kept(scene: VirtualScene) -> int:
    return int(scene.rows(COUNT, reports.VISIT)[0][0])


def faults(scene: VirtualScene) -> list[tuple[int, str]]:
    found = [decode_report(body).fields for (body,) in scene.rows(BODIES, reports.FAULT)]
    return [(fields["code"], fields.get("detail", "")) for fields in found]


async def test_a_card_torn_away_is_felt_and_counts_once_it_is_held_there_again(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        card = smart()
        await knock(scene)
        await scene.band.hold_card(card)
        await scene.band.take_card(card, after_bytes=120)
        await until(scene, lambda: "not_read" in felt(scene))
        assert kept(scene) == 0
        await scene.band.hold_card(card)
        await scene.clock.run_for(TOUCHED_MS)
        assert felt(scene) == ["not_read", "visit_tick", "visit_begun", "visit_reached"]
        assert kept(scene) == 1
        assert faults(scene) == [], "a card is no reader"


async def test_two_carers_at_one_door_are_two_visits(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        for begun in (True, False):
            await knock(scene)
            for card in (Ntag213(ANNA), Ntag213(OLGA)):
                await scene.band.hold_card(card)
                await scene.clock.run_for(1.5 * SECOND_MS)
                await scene.band.take_card()
            await scene.clock.run_for(TOUCHED_MS)
            word = "visit_begun" if begun else "visit_ended"
            assert felt(scene).count(word) == 2
        assert kept(scene) == 4


async def test_a_telephone_or_a_banks_card_is_refused_and_floods_nothing(tmp_path: Path) -> None:
    """Their numbers are drawn anew each time that the field comes up."""
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        await knock(scene)
        await scene.band.hold_card(Telephone(b"\x08abc"))
        await scene.clock.run_for(TOUCHED_MS)
        assert felt(scene) == ["not_read"]
        assert kept(scene) == 0
        assert not scene.band.circuit.wiring.nfc.is_on


async def test_a_card_that_gives_other_numbers_all_the_time_is_no_flood(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        await knock(scene)
        await scene.band.hold_card(Liar(ANNA))
        await scene.clock.run_for(3 * TOUCHED_MS)
        assert 1 <= kept(scene) <= 4
        assert not scene.band.circuit.wiring.nfc.is_on


async def test_an_sos_in_the_middle_of_a_touch_is_as_early_as_ever_and_the_touch_is_kept(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        reader = scene.band.circuit.wiring.nfc
        await scene.clock.run_for(STARTED_MS)
        await knock(scene)
        await scene.band.hold_card(smart())
        await until(scene, lambda: reader.is_on)
        press = await scene.band.press(600)
        stored = await scene.band.wait_note("stored", 30)
        assert stored.t_ms - press.down_ms - HOLD_MS <= AS_EVER_MS
        await scene.clock.run_for(TOUCHED_MS)
        assert kept(scene) == 1
        assert not reader.is_on
        assert scene.rows(COUNT, reports.ALARM) == [(1,)]


async def test_a_touch_that_the_flash_does_not_take_is_felt_as_none(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        await scene.band.flash_fault("read_only")
        await knock(scene)
        await scene.band.hold_card(smart())
        await scene.clock.run_for(TOUCHED_MS)
        await scene.band.take_card()
        assert felt(scene) == ["visit_tick", "not_read"]
        assert kept(scene) == 0
        assert faults(scene) == [(reports.FLASH_READ_ONLY, "")]
        await scene.band.flash_fault(None)
        await knock(scene)
        await scene.band.hold_card(smart())
        await scene.clock.run_for(TOUCHED_MS)
        assert felt(scene)[2:] == ["visit_tick", "visit_begun", "visit_reached"]
        assert kept(scene) == 1


async def test_each_trouble_of_the_reader_is_told_once_and_stands_in_heartbeats_until_it_works(
    tmp_path: Path,
) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        await opaska(scene.gateway, "bands", "set", scene.kid, "heartbeat_s=60")
        await scene.clock.run_for(2 * NOTICED_MS)
        broken = {}
        for fault in (*FAULTS, None):
            await scene.band.nfc_fault(fault)
            for _ in range(2 if fault in ("silent", "unwired") else 1):
                await knock(scene)
                await scene.clock.run_for(TOUCHED_MS)
            await scene.clock.run_for(MINUTE_MS)
            assert not scene.band.circuit.wiring.nfc.is_on
            beat = cbor2.loads(scene.rows(BODIES, reports.HEARTBEAT)[-1][0])
            broken[fault] = beat.get(BROKEN, [])
        assert {fault for fault, codes in broken.items() if codes} == {*FAULTS} - {"once"}
        assert sorted(faults(scene)) == sorted(
            (reports.NFC, detail)
            for detail in (
                "no answer",
                "another chip",
                "wrong frame",
                "no interrupt",
                "interrupt stuck",
            )
        )
        press = await scene.band.press(600)
        stored = await scene.band.wait_note("stored", 30)
        assert stored.t_ms - press.down_ms - HOLD_MS <= AS_EVER_MS


async def test_an_interrupt_that_chatters_costs_no_visit_and_is_no_flood(tmp_path: Path) -> None:
    async with virtual_scene(tmp_path) as scene:
        await scene.clock.run_for(STARTED_MS)
        await knock(scene)
        await scene.band.hold_card(smart())
        for _ in range(200):
            await scene.band.hold_pin(PINS["nfc_irq"], 0)
            await scene.band.hold_pin(PINS["nfc_irq"], None)
            await scene.clock.run_for(10)
        await scene.clock.run_for(TOUCHED_MS)
        assert felt(scene) == ["visit_tick", "visit_begun", "visit_reached"]
        assert faults(scene) in ([], [(reports.NFC, "no interrupt")])  # it need not be noticed
