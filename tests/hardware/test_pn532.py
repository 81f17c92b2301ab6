# SPDX-License-Identifier: Apache-2.0
"""The simulated NFC reader by its user manual, and in the hands of a driver that is not ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hardware.simulated.chips.nfc_field import Card
from hardware.simulated.chips.ntag213 import Ntag213
from hardware.simulated.chips.ntag424 import Ntag424
from hardware.simulated.chips.pn532 import (
    DIAGNOSE,
    FAULTS,
    GET_FIRMWARE_VERSION,
    GET_GENERAL_STATUS,
    IN_DATA_EXCHANGE,
    IN_LIST_PASSIVE_TARGET,
    IN_RELEASE,
    POWER_DOWN,
    RF_CONFIGURATION,
    SAM_CONFIGURATION,
    SET_PARAMETERS,
    TIMEOUT,
    WRONG_CONTEXT,
)
from hardware.simulated.chips.pn532_link import ACK, ERROR, NACK, packed, unpacked
from tests.hardware.nfc_bench import Bench, frame

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".venv-oracle" / "bin" / "python"
VERSION = bytes((GET_FIRMWARE_VERSION + 1, 0x32, 1, 6, 7))
PLAIN = bytes.fromhex("04112233445566")
SMART = bytes.fromhex("04de5f1eacc040")
NONE = bytes((IN_LIST_PASSIVE_TARGET + 1, 0))
TRIES, FIELD = 5, 1  # items of RF_CONFIGURATION


def smart() -> Ntag424:
    return Ntag424(SMART, bytes(16), bytes(16))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def list_cards(bench: Bench, most: int = 1) -> bytes:
    bench.ask(RF_CONFIGURATION, TRIES, 0xFF, 1, 2)
    return bench.ask(IN_LIST_PASSIVE_TARGET, most, 0)


def test_a_command_is_acknowledged_and_then_answered_and_irq_is_low_while_either_waits(
    bench: Bench,
) -> None:
    bench.chip.write(frame(GET_FIRMWARE_VERSION))
    assert not bench.ready()
    bench.wait(1)
    assert bench.ready()
    assert bench.ready(), "the ready byte alone takes nothing"
    assert bench.levels == [False]
    assert bench.chip.read(7) == b"\x01" + ACK
    assert bench.levels == [False, True]
    bench.wait(1)
    assert bench.levels == [False, True, False]
    assert bench.told() == VERSION
    assert bench.levels == [False, True, False, True]
    assert not bench.ready(), "read once"


def test_an_answer_that_was_read_in_part_is_gone_and_comes_again_when_it_is_asked_for(
    bench: Bench,
) -> None:
    bench.chip.write(frame(GET_FIRMWARE_VERSION))
    bench.wait(1)
    bench.chip.read(7)
    bench.wait(1)
    assert bench.chip.read(4) == b"\x01\x00\x00\xff"
    assert bench.told() == b""
    for _ in range(2):
        bench.chip.write(NACK)
        bench.wait(1)
        assert bench.told() == VERSION


def test_an_acknowledgement_of_the_processor_ends_what_is_under_way(bench: Bench) -> None:
    assert bench.ask(IN_LIST_PASSIVE_TARGET, 1, 0) == b"", "without a card it waits"
    bench.chip.write(ACK)
    bench.chip.field.hold(Ntag213(PLAIN))
    bench.wait(1000)
    assert not bench.ready()
    assert bench.ask(GET_FIRMWARE_VERSION) == VERSION


GOOD = frame(GET_FIRMWARE_VERSION)


@pytest.mark.parametrize(
    "wrong",
    [GOOD[:at] + bytes((GOOD[at] ^ 1,)) + GOOD[at + 1 :] for at in range(len(GOOD) - 1)]
    + [GOOD[:size] for size in range(len(GOOD) - 1)]
    + [frame(), bytes(9), b"\xff" * 9, GOOD[1:]],
)
def test_a_frame_with_one_wrong_bit_or_without_its_end_is_not_even_acknowledged(
    bench: Bench, wrong: bytes
) -> None:
    bench.chip.write(wrong)
    bench.wait(1000)
    assert not bench.ready()


def test_long_frames_have_the_extended_form() -> None:
    body = bytes((0xD4, *range(250), *range(30)))
    size = len(body).to_bytes(2, "big")
    head = b"\0\0\xff\xff\xff" + size + bytes((-sum(size) & 0xFF,))
    assert unpacked(head + body + bytes((-sum(body) & 0xFF, 0))) == body[1:]
    assert unpacked(head[:7] + b"\0" + body + bytes((-sum(body) & 0xFF, 0))) is None
    told = packed(bytes(300))
    assert told[:8] == b"\0\0\xff\xff\xff\x01\x2d" + bytes((-0x2E & 0xFF,))


def test_without_rstpdn_it_has_no_current_and_a_start_forgets_everything(bench: Bench) -> None:
    bench.chip.field.hold(Ntag213(PLAIN))
    assert list_cards(bench) != NONE
    assert bench.chip.state == "field"
    bench.chip.reset(high=False)
    assert (bench.chip.answers, bench.chip.is_on, bench.chip.state) == (False, False, "off")
    bench.chip.reset(high=True)
    assert not bench.chip.answers, "it starts"
    bench.wait(2)
    assert bench.chip.answers
    assert bench.chip.state == "idle"
    assert bench.ask(IN_DATA_EXCHANGE, 1, 0x30, 0) == b""


@pytest.mark.parametrize("cut", range(2, 12))
def test_a_command_under_way_when_its_current_goes_is_never_answered(cut: int) -> None:
    bench = Bench()
    bench.chip.write(frame(GET_FIRMWARE_VERSION))
    bench.wait(cut / 4)
    bench.chip.read(7)
    bench.chip.reset(high=False)
    bench.chip.reset(high=True)
    bench.wait(100)
    assert not bench.ready()
    assert bench.chip.on_irq
    assert bench.levels[-1:] != [False]


def test_after_a_start_it_saves_battery_and_looks_for_no_card_until_it_is_configured() -> None:
    bench = Bench(normal=False)
    bench.chip.field.hold(Ntag213(PLAIN))
    assert bench.ask(GET_FIRMWARE_VERSION) == VERSION
    assert bench.ask(IN_LIST_PASSIVE_TARGET, 1, 0) == b""
    assert bench.ask(SAM_CONFIGURATION, 1, 20, 1) == bytes((SAM_CONFIGURATION + 1,))
    assert list_cards(bench) != NONE


def test_irq_is_left_alone_when_it_is_told_so(bench: Bench) -> None:
    bench.ask(SAM_CONFIGURATION, 1, 20, 0)
    bench.levels.clear()
    assert bench.ask(GET_FIRMWARE_VERSION) == VERSION
    assert bench.levels == []


@pytest.mark.parametrize(
    "unknown",
    [
        (0x99,),
        (SAM_CONFIGURATION, 9),
        (RF_CONFIGURATION,),
        (IN_LIST_PASSIVE_TARGET, 3, 0),
        (IN_LIST_PASSIVE_TARGET, 1, 3),
        (IN_RELEASE,),
        (POWER_DOWN, 0),
        (DIAGNOSE, 9),
    ],
)
def test_what_it_does_not_understand_is_answered_with_the_error_frame(
    bench: Bench, unknown: tuple[int, ...]
) -> None:
    bench.chip.write(frame(*unknown))
    bench.wait(1)
    bench.chip.read(7)
    bench.wait(1)
    assert bench.chip.read(9) == b"\x01" + ERROR


def test_cards_are_described_as_the_manual_says(bench: Bench) -> None:
    assert list_cards(bench) == NONE
    plain = Ntag213(PLAIN)
    bench.chip.field.hold(plain)
    head = bytes((IN_LIST_PASSIVE_TARGET + 1, 1, 1))
    assert list_cards(bench) == head + b"\x00\x44\x00\x07" + PLAIN
    bench.chip.field.take(plain)
    bench.chip.field.hold(smart())
    of_smart = b"\x03\x44\x20\x07" + SMART + bytes.fromhex("067777710280")
    assert list_cards(bench) == head + of_smart
    bench.chip.field.hold(plain)
    both = bytes((IN_LIST_PASSIVE_TARGET + 1, 2, 1)) + of_smart + b"\x02\x00\x44\x00\x07" + PLAIN
    assert list_cards(bench, 2) == both
    assert list_cards(bench) == head + of_smart
    bench.chip.field.take()
    bench.chip.field.hold(Card(b"\x08abc"))
    assert list_cards(bench) == head + b"\x00\x44\x00\x04\x08abc"


def test_it_waits_for_a_card_for_ever_unless_told_how_often_to_try(bench: Bench) -> None:
    assert bench.ask(IN_LIST_PASSIVE_TARGET, 1, 0) == b""
    bench.wait(3_600_000)
    assert not bench.ready()
    bench.chip.field.hold(Ntag213(PLAIN))
    bench.wait(100)
    assert bench.told().endswith(PLAIN)
    bench.chip.field.take()
    began_ms = bench.now_ms
    assert list_cards(bench) == NONE
    assert 10 <= bench.now_ms - began_ms < 40


def test_a_card_answers_until_it_is_gone_and_no_other_number_does(bench: Bench) -> None:
    card = Ntag213(PLAIN)
    bench.chip.field.hold(card)
    assert bench.ask(IN_DATA_EXCHANGE, 1, 0x30, 0) == bytes((0x41, WRONG_CONTEXT))
    list_cards(bench)
    assert bench.ask(IN_DATA_EXCHANGE, 1, 0x30, 0)[:5] == b"\x41\0" + PLAIN[:3]
    assert bench.ask(IN_DATA_EXCHANGE, 2, 0x30, 0) == bytes((0x41, WRONG_CONTEXT))
    assert bench.ask(IN_DATA_EXCHANGE, 1, 0x99) == bytes((0x41, TIMEOUT)), "silent"
    bench.chip.field.take(card)
    bench.chip.field.hold(Ntag213(bytes(7)))
    assert bench.ask(IN_DATA_EXCHANGE, 1, 0x30, 0) == bytes((0x41, TIMEOUT)), "another card"


def test_a_released_card_sleeps_until_the_field_was_off(bench: Bench) -> None:
    bench.chip.field.hold(Ntag213(PLAIN))
    list_cards(bench)
    assert bench.ask(GET_GENERAL_STATUS) == bytes((GET_GENERAL_STATUS + 1, 0, 1, 1))
    assert list_cards(bench) != NONE, "found again"
    assert bench.ask(IN_RELEASE, 0) == bytes((IN_RELEASE + 1, 0))
    assert bench.ask(IN_RELEASE, 1) == bytes((IN_RELEASE + 1, WRONG_CONTEXT))
    assert list_cards(bench) == NONE
    bench.ask(RF_CONFIGURATION, FIELD, 0)
    assert bench.chip.state == "idle"
    assert list_cards(bench) != NONE


def test_it_sleeps_without_field_until_it_is_addressed(bench: Bench) -> None:
    list_cards(bench)
    looks = bench.chip.looks
    assert looks == 1
    assert bench.ask(POWER_DOWN, 0x80) == bytes((POWER_DOWN + 1, 0))
    assert bench.chip.state == "asleep"
    assert bench.ask(GET_FIRMWARE_VERSION) == VERSION
    assert bench.chip.state == "idle"
    assert bench.ask(SET_PARAMETERS, 0x14) == bytes((SET_PARAMETERS + 1,))
    assert bench.ask(DIAGNOSE, 0, 1, 2, 3) == bytes((DIAGNOSE + 1, 0, 1, 2, 3))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_can_be_seen_on_the_bus_or_the_wire(bench: Bench, fault: str) -> None:
    bench.chip.fault = fault
    bench.chip.write(frame(GET_FIRMWARE_VERSION))
    bench.wait(5)
    acknowledged = bench.chip.read(7)
    bench.wait(5)
    data = bench.chip.read(16)
    good = b"\x01" + packed(VERSION)
    seen = {
        "silent": not bench.chip.answers,
        "identity": data[8:9] == b"\x33",
        "mute": acknowledged == bytes(7),
        "deaf": acknowledged == b"\x01" + ACK and data == bytes(16),
        "stuck": data == b"\xff" * 16,
        "short": data.endswith(b"\xff" * 8) and data[0] == 1,
        "half": data.rstrip(b"\0") == good[:7].rstrip(b"\0"),
        "unwired": False not in bench.levels,
        "shorted": bench.levels[-1:] == [False],
    }
    bench.chip.write(NACK)
    bench.wait(5)
    again = bench.chip.read(16)
    one_bit = data[12] == good[12] ^ 1
    seen["checksum"] = one_bit and again == data
    seen["once"] = one_bit and again.startswith(good)
    assert seen[fault]
    others = {name for name, is_seen in seen.items() if is_seen} - {fault}
    allowed = {"mute": {"unwired"}, "silent": {"unwired"}, "stuck": {"shorted"}}
    assert others <= allowed.get(fault, set()), others


@pytest.mark.skipif(
    not ORACLE.exists(), reason="needs Adafruit's driver in .venv-oracle: make setup"
)
def test_adafruits_driver_finds_and_reads_cards_with_the_chip() -> None:
    done = subprocess.run(
        [ORACLE, Path(__file__).with_name("adafruit_nfc_oracle.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["version"] == [0x32, 1, 6, 7]
    assert found["nobody"] is None
    assert found["plain"] == PLAIN.hex()
    assert found["page"] == "00000000"
    assert found["written"] == "0badcafe"
    assert found["gone"] is None
    assert found["smart"] == SMART.hex()
    assert found["selected"] == "9000"
    assert found["asleep"] == ["asleep", "off"]
    assert found["again"] == SMART.hex()
    assert found["refused"] == ["no answer", "wrong checksum"]
