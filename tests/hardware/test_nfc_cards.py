# SPDX-License-Identifier: Apache-2.0
"""The simulated cards by their data sheets, and torn away at every byte."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from hardware.simulated.chips.nfc_field import Card, Field
from hardware.simulated.chips.ntag213 import PAGES, Ntag213
from hardware.simulated.chips.ntag424 import FILE_BYTES, LINK, Ntag424

PLAIN = bytes.fromhex("04112233445566")
SMART = bytes.fromhex("04de5f1eacc040")
SELECT_APPLICATION = bytes.fromhex("00a4040007d276000085010100")
SELECT_NDEF = bytes.fromhex("00a4000c02e104")
READ_ALL = bytes.fromhex("00b0000000")
DONE = b"\x90\x00"


def smart(counter: int = 0, other_key: str = "") -> Ntag424:
    keys = {"meta_key": bytes(16), "file_key": bytes(16)}
    if other_key:
        keys[other_key] = bytes(15) + b"\1"
    padding = bytes.fromhex("da5cf60941")
    return Ntag424(SMART, counter=counter, padding=lambda _: padding, **keys)


def said(card: Card, *commands: str) -> bytes | None:
    """The last answer."""
    answer = None
    for command in commands:
        answer = card.answer(bytes.fromhex(command))
    return answer


def ndef(card: Ntag424) -> bytes:
    card.answer(SELECT_APPLICATION)
    assert card.answer(SELECT_NDEF) == DONE
    answer = card.answer(READ_ALL)
    assert answer
    assert answer.endswith(DONE)
    return answer[:-2]


# --- NTAG213 ---


def test_a_plain_tag_begins_with_its_number_and_check_bytes() -> None:
    first = Ntag213(PLAIN).answer(b"\x30\x00")
    assert first == bytes.fromhex("041122bf33445566444800 00e1101200".replace(" ", ""))
    assert Ntag213(PLAIN).answer(b"\x60") == bytes.fromhex("0004040201000f03")


def test_reading_rolls_over_at_the_last_page_and_not_beyond() -> None:
    card = Ntag213(PLAIN)
    last = card.answer(bytes((0x30, PAGES - 1)))
    assert last
    assert last[4:8] == bytes.fromhex("041122bf")
    assert card.answer(bytes((0x30, PAGES))) is None
    assert card.answer(bytes((0x3A, 0, PAGES))) is None
    everything = card.answer(bytes((0x3A, 0, PAGES - 1)))
    assert everything
    assert len(everything) == PAGES * 4


def test_only_pages_of_the_user_can_be_written() -> None:
    card = Ntag213(PLAIN)
    assert card.answer(b"\xa2\x06abcd") == b"\x0a"
    assert card.answer(b"\xa2\x00abcd") is None
    assert card.answer(b"\xa2\x06abc") is None
    answer = card.answer(b"\x30\x06")
    assert answer
    assert answer[:4] == b"abcd"


@pytest.mark.parametrize("uid", [b"", b"abc", bytes(8)])
def test_a_number_of_another_size_is_refused(uid: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Card(uid)
    with pytest.raises(ValueError, match="bytes"):
        Ntag424(uid, bytes(16), bytes(16))


# --- NTAG 424 DNA ---


def test_the_proof_is_that_of_nxps_worked_example() -> None:
    # AN12196, 3.3 and 3.4: keys of zeros, counter 0x3d.
    picc_data, cmac = smart(0x3C).proof()
    assert picc_data.hex() == "ef963ff7828658a599f3041510671e88"
    assert cmac.hex() == "94eed9ee65337086"


def test_the_file_is_one_link_with_the_proof_and_its_length_before_it() -> None:
    file = ndef(smart(0x3C))
    assert len(file) == FILE_BYTES
    size = int.from_bytes(file[:2], "big")
    record, rest = file[2 : 2 + size], file[2 + size :]
    assert rest == bytes(FILE_BYTES - 2 - size)
    assert record[:5] == bytes((0xD1, 1, size - 4, ord("U"), 4))
    link = f"{LINK}?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086"
    assert record[5:] == link.encode()


def test_the_counter_rises_once_for_each_selection_and_its_message_stays_the_same() -> None:
    card = smart()
    card.answer(SELECT_APPLICATION)
    card.answer(SELECT_NDEF)
    assert card.counter == 0, "selected is not read"
    first = card.answer(READ_ALL)
    assert card.answer(READ_ALL) == first
    assert card.counter == 1
    assert ndef(card) != first
    assert card.counter == 2
    card.begin()
    ndef(card)
    assert card.counter == 3


@pytest.mark.parametrize("key", ["meta_key", "file_key"])
def test_another_key_another_proof(key: str) -> None:
    ours, theirs = smart().proof(), smart(other_key=key).proof()
    assert (ours[0] == theirs[0]) == (key == "file_key")
    assert (ours[1] == theirs[1]) == (key == "meta_key")


def test_a_proof_says_number_and_counter_to_whoever_has_the_key() -> None:
    picc_data, _ = smart(0x010203).proof()
    clear = Cipher(AES(bytes(16)), CBC(bytes(16))).decryptor().update(picc_data)
    assert clear == b"\xc7" + SMART + b"\x04\x02\x01" + bytes.fromhex("da5cf60941")


def test_a_counter_at_its_end_gives_no_more_proofs() -> None:
    card = smart(0xFFFFFE)
    ndef(card)
    assert card.counter == 0xFFFFFF
    assert said(card, "00a4000c02e104", "00b0000000") == b"\x69\x85"


@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        (["00b0000000"], "6985"),
        (["00a4000c02e104"], "6a82"),
        (["00a4040007d2760000850102"], "6a82"),
        (["00a4040007d276000085010100", "00a4000c02e106"], "6a82"),
        (["00a4040007d276000085010100", "00a4090c02e104"], "6a86"),
        (["00a4040007d276000085010100", "00a4000c02e105", "00b0000000"], "6982"),
        (["00a4040007d276000085010100", "00a4000c02e104", "00b000ff02"], "6700"),
        (["00a4040007d276000085010100", "00a4000c02e104", "00b0800002"], "6a86"),
        (["00a4040007d276000085010100", "00d6000001ff"], "6d00"),
        (["90ad000000"], "6e00"),
        (["00"], "6700"),
        (["00a4"], "6700"),
    ],
)
def test_what_it_cannot_do_has_a_status_of_its_own(commands: list[str], answer: str) -> None:
    found = said(smart(), *commands)
    assert found
    assert found.hex() == answer


def test_its_capabilities_name_the_ndef_file() -> None:
    found = said(smart(), "00a4040007d276000085010100", "00a4000c02e103", "00b0000f00")
    assert found
    whole = said(smart(), "00a4040007d276000085010100", "00a4000c02e103", "00b0000000")
    assert whole
    assert whole[:2] == b"\x00\x17"
    assert b"\x04\x06\xe1\x04\x01\x00" in whole


# --- in the field ---


def test_a_card_torn_away_at_any_byte_is_gone_and_says_nothing_more() -> None:
    commands = [SELECT_APPLICATION, SELECT_NDEF, READ_ALL]
    heard: list[int] = []
    for after_bytes in range(1, 400):
        field, card = Field(), smart()
        field.hold(card)
        field.take(card, after_bytes)
        answers = [field.ask(card, command) for command in commands if field.activate(1)]
        whole = [answer for answer in answers if answer]
        assert all(answer.endswith(DONE) for answer in whole)
        heard.append(len(whole))
        assert (card in field.cards) == (len(whole) == 3 and card.counter == 1)
        if card not in field.cards:
            assert field.ask(card, SELECT_NDEF) is None
            assert field.activate(1) == []
    assert heard[0] == 0
    assert max(heard) >= 2
    assert sorted(heard) == heard


def test_a_torn_reading_costs_the_card_a_count() -> None:
    field, card = Field(), smart()
    field.hold(card)
    field.activate(1)
    field.ask(card, SELECT_APPLICATION)
    field.ask(card, SELECT_NDEF)
    field.take(card, 50)
    assert field.ask(card, READ_ALL) is None
    assert card.counter == 1


def test_a_card_that_was_away_has_forgotten_what_was_selected() -> None:
    field, card = Field(), smart()
    field.hold(card)
    field.activate(1)
    field.ask(card, SELECT_APPLICATION)
    field.take(card)
    field.hold(card)
    field.activate(1)
    assert field.ask(card, SELECT_NDEF) == b"\x6a\x82"
