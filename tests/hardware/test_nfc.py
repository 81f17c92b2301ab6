# SPDX-License-Identifier: Apache-2.0
"""From a card in the field to its number and proof: the firmware's drivers of the NFC reader
against the simulated PN532 and its cards, in virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from hardware.simulated.chips.pn532 import FAULTS
from opaska_tools.simulator.circuit import PINS, Card, Ntag213, Ntag424
from opaska_tools.simulator.clock import ClockService
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from opaska_tools.simulator.band import SimulatedBand
    from tests.hardware.conftest import Boards

pytestmark = needs_micropython

PLAIN = bytes.fromhex("04112233445566")
SMART = bytes.fromhex("04de5f1eacc040")
KEYS = bytes(range(16)), bytes(range(16, 32))
WHOLE_READING = 260  # bytes through the air are enough for it
NOT_FOUND = "6a82"


@asynccontextmanager
async def looking(board: Boards) -> AsyncGenerator[tuple[SimulatedBand, ClockService]]:
    """A band that looks for cards."""
    async with ClockService() as clock, board("nfc", virtual_clock=clock) as band:
        await band.wait_log("ready")
        await band.press_down()
        await clock.run_for(100)
        yield band, clock


def smart() -> Ntag424:
    return Ntag424(SMART, *KEYS, padding=bytes)


def proofs(count: int) -> list[str]:
    """Those of its first readings."""
    twin = smart()
    return [b"".join(twin.proof()).hex() for _ in range(count)]


def said(band: SimulatedBand) -> list[list[str]]:
    """What the script printed, without times."""
    return [line.split()[1:] for line in band.log if line != "ready"]


async def found(band: SimulatedBand, clock: ClockService, ms: int = 400) -> list[list[str]]:
    """What it says in this time."""
    before = len(said(band))
    await clock.run_for(ms)
    return said(band)[before:]


class Foreign(Card):
    """A smart card that is not ours: says the same to SELECT, and this to READ BINARY."""

    ats = bytes.fromhex("067577810280")

    def __init__(self, selected: str = "9000", *read: str) -> None:
        super().__init__(b"\x08abc")
        self._selected = bytes.fromhex(selected)
        self._read = [bytes.fromhex(answer) for answer in read]
        self._reads = 0

    def begin(self) -> None:
        self._reads = 0

    def answer(self, command: bytes) -> bytes | None:
        if command[1] == 0xA4:
            return self._selected
        self._reads += 1
        return self._read[min(self._reads, len(self._read)) - 1] if self._read else None


def file(text: str) -> list[str]:
    """Answers to the reading of its length, and of this text."""
    return [f"{len(text):04x}9000", text.encode().hex() + "9000"]


async def test_the_reader_has_current_only_while_somebody_looks(board: Boards) -> None:
    async with ClockService() as clock, board("nfc", virtual_clock=clock) as band:
        await band.wait_log("ready")
        reader = band.circuit.wiring.nfc
        await band.hold_card(Ntag213(PLAIN))
        await clock.run_for(5_000)
        assert (reader.state, reader.looks) == ("off", 0)
        await band.press_down()
        await clock.run_for(500)
        assert reader.is_on
        await band.press_up()
        await clock.run_for(500)
        assert reader.state == "off"
        looks = reader.looks
        await clock.run_for(5_000)
        assert reader.looks == looks > 0
        await band.press_down()
        await clock.run_for(500)
        assert reader.is_on
        await band.power_cut()
        assert not reader.is_on


async def test_without_a_card_the_field_is_mostly_off(board: Boards) -> None:
    async with looking(board) as (band, clock):
        on_ms = 0
        for _ in range(300):
            await clock.run_for(10)
            on_ms += 10 * (band.circuit.wiring.nfc.state == "field")
        assert on_ms < 1_000
        assert {tuple(line) for line in said(band)} == {("card", "None", "None")}


async def test_a_plain_tag_has_a_number_and_no_proof(board: Boards) -> None:
    async with looking(board) as (band, clock):
        for uid in (PLAIN, b"\x08abc", bytes(range(10))):
            await band.hold_card(Card(uid))
            lines = await found(band, clock)
            assert lines[-1] == ["card", uid.hex(), "None"]
            await band.take_card()
            lines = await found(band, clock, 800)
            assert lines[-1] == ["card", "None", "None"]


async def test_each_reading_of_an_ntag_424_has_a_proof_of_its_own(board: Boards) -> None:
    card = smart()
    async with looking(board) as (band, clock):
        await band.hold_card(card)
        lines = [line for line in await found(band, clock, 1_000) if line[1] != "None"]
        assert len(lines) > 3
        assert lines == [["card", SMART.hex(), proof] for proof in proofs(len(lines))]
        await band.take_card()
        await clock.run_for(300)
        before = card.counter
        await band.hold_card(card)
        lines = [line for line in await found(band, clock) if line[1] != "None"]
        assert lines[0][2] == proofs(before + 1)[-1]


async def test_of_two_cards_at_once_none_is_taken(board: Boards) -> None:
    async with looking(board) as (band, clock):
        for card in (Ntag213(PLAIN), smart()):
            await band.hold_card(card)
        await clock.run_for(200)
        assert {tuple(line) for line in await found(band, clock, 1_000)} == {
            ("card", "None", "None")
        }
        await band.take_card(card)
        assert ["card", PLAIN.hex(), "None"] in await found(band, clock)


async def test_a_card_torn_away_at_any_moment_is_whole_or_lost_or_none_and_never_half(
    board: Boards,
) -> None:
    none = ["card", "None", "None"]
    heard: list[str] = []
    async with looking(board) as (band, clock):
        for after_bytes in range(1, WHOLE_READING, 5):
            card = smart()
            await band.hold_card(card)
            await band.take_card(card, after_bytes)
            seen = [line for line in await found(band, clock, 450) if line != none]
            await band.take_card()
            (first, *_) = seen or [none]
            heard.append("whole" if first[1:] == [SMART.hex(), proofs(1)[0]] else first[0])
        await band.hold_card(Ntag213(PLAIN))
        assert ["card", PLAIN.hex(), "None"] in await found(band, clock, 800)
    assert [word for at, word in enumerate(heard) if word != heard[at - 1]] == [
        "card",
        "lost",
        "whole",
    ], "first it was not seen, then lost, then read"
    assert heard.count("lost") > 20
    assert not [line for line in said(band) if line[0] == "broken"]


LINK = "x.pl/v?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086"
PROOF = "ef963ff7828658a599f3041510671e8894eed9ee65337086"


FOREIGN = {  # what its file says, or how it answers -> what the band makes of it
    "of a bank": (Foreign(NOT_FOUND), "None"),
    "mute": (Foreign(""), "None"),
    "as ours": (Foreign("9000", *file(LINK)), PROOF),
    "in small letters": (Foreign("9000", *file(LINK.lower())), PROOF),
    "more behind it": (Foreign("9000", *file(LINK + "&more=1#there")), PROOF),
    "empty file": (Foreign("9000", "00009000"), "None"),
    "another link": (Foreign("9000", *file("x.pl/hello")), "None"),
    "long link": (Foreign("9000", *file("x.pl/" + "a" * 175)), "None"),
    "like names": (Foreign("9000", *file("nicc_data=&mycmac=94EED9EE65337086")), "None"),
    "no cmac": (Foreign("9000", *file(LINK.partition("&")[0])), "lost"),
    "cmac alone": (Foreign("9000", *file("x.pl/v?cmac=94EED9EE65337086")), "lost"),
    "end missing": (Foreign("9000", *file(LINK[:-1])), "lost"),
    "one digit more": (Foreign("9000", *file(LINK + "A")), "lost"),
    "no digit": (Foreign("9000", *file(LINK.replace("EF", "EG", 1))), "lost"),
    "a byte more": (Foreign("9000", *file(LINK.replace("&cmac", "00&cmac"))), "lost"),
    "longer than can be read": (Foreign("9000", *file(LINK + "a" * 200)), "lost"),
    "shorter than told": (Foreign("9000", "00599000", "009000"), "lost"),
    "no length": (Foreign("9000", "9000"), "lost"),
    "locked": (Foreign("9000", "6982"), "lost"),
    "empty answer": (Foreign("9000", ""), "lost"),
    "longest answer": (Foreign("9000", "00599000", "ff" * 255), "lost"),
    "long answer": (Foreign("9000", "00599000", "ff" * 240), "lost"),
    "silent": (Foreign("9000"), "lost"),
}


async def test_a_card_that_is_not_ours_is_a_plain_tag_and_half_a_proof_is_none(
    board: Boards,
) -> None:
    heard: dict[str, set[str]] = {}
    async with looking(board) as (band, clock):
        for name, (card, _) in FOREIGN.items():
            await band.hold_card(card)
            lines = [line for line in await found(band, clock, 600) if line[1] != "None"]
            await band.take_card()
            await clock.run_for(300)
            heard[name] = {line[2] if line[0] == "card" else line[0] for line in lines}
    assert heard == {name: {outcome} for name, (_, outcome) in FOREIGN.items()}


BROKEN = {
    "silent": "no answer",
    "identity": "another chip",
    "mute": "no answer",
    "deaf": "no answer",
    "stuck": "no answer",
    "short": "wrong frame",
    "half": "wrong frame",
    "checksum": "wrong frame",
}
TROUBLE = {"unwired": ["no", "interrupt"], "shorted": ["interrupt", "stuck"], "once": []}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_reader_says_what_is_wrong_and_works_again_once_it_is_mended(
    board: Boards, fault: str
) -> None:
    async with looking(board) as (band, clock):
        await band.hold_card(smart())
        await clock.run_for(300)
        if fault == "identity":  # seen only at a start
            await band.press_up()
            await clock.run_for(400)
            await band.press_down()
        await band.nfc_fault(fault)
        await clock.run_for(1_500)
        lines = await found(band, clock, 4_000)
        if fault in BROKEN:
            assert {" ".join(line) for line in lines} == {f"broken {BROKEN[fault]}"}
        else:
            assert len([line for line in lines if line[1] == SMART.hex()]) > 3
            assert not [line for line in lines if line[0] != "card"]
            await band.press_up()
            assert (await found(band, clock))[-1] == ["off", *TROUBLE[fault]]
            await band.press_down()
        await band.nfc_fault(None)
        await clock.run_for(3_000)
        lines = await found(band, clock, 600)
        assert lines
        assert all(line[1] == SMART.hex() for line in lines)


async def test_an_irq_that_chatters_costs_no_card(board: Boards) -> None:
    async with looking(board) as (band, clock):
        await band.hold_card(smart())
        for _ in range(300):
            await band.hold_pin(PINS["nfc_irq"], 0)
            await band.hold_pin(PINS["nfc_irq"], None)
            await clock.run_for(3)
        lines = said(band)
    assert len([line for line in lines if line[1] == SMART.hex()]) > 3
    assert not [line for line in lines if line[0] != "card"]
