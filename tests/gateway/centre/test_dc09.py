# SPDX-License-Identifier: Apache-2.0
"""The DC-09 codec against frames seen in the field and against siadc09, both ways."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from siadc09 import message as siadc09_message

from opaska_gateway.centre.dc09 import Frame, crc16_arc, decode, encode, random_pad, time_text
from opaska_gateway.centre.errors import FRAME_REASONS, FrameError, SignalError
from tests.gateway.centre.peers import KEY, KEYS

# (bytes, what they say): used in both directions
GOLDEN = [
    (
        b'\nEA740027"NULL"0000L0#1409[]_20:38:07,08-27-2026\r',
        Frame("NULL", 0, "1409", time_ms=1_787_863_087_000),
    ),
    (b'\n59890012"ACK"0000L0#1409[]\r', Frame("ACK", 0, "1409")),
    (
        b'\n8C860043"SIA-DCS"9876R579BDFL789ABC#123456A[#123456A|NFA129][M1234567890AB]\r',
        Frame(
            "SIA-DCS",
            9876,
            "123456A",
            data="#123456A|NFA129",
            xdata=("M1234567890AB",),
            prefix="789ABC",
            receiver="579BDF",
        ),
    ),
]


@pytest.mark.parametrize(("raw", "frame"), GOLDEN, ids=[frame.id for _, frame in GOLDEN])
def test_frames_from_the_field_read_and_write_alike(raw: bytes, frame: Frame) -> None:
    assert decode(raw) == frame
    assert encode(frame) == raw


def test_checksum_is_crc_16_arc() -> None:
    assert crc16_arc(b"123456789") == 0xBB3D


def test_encrypted_frame_of_another_maker_opens() -> None:
    """An example of siadc09's documentation: no data, so no "|" behind the pad."""
    raw = (
        b'\nDE260072"*NULL"0000L0#000[242ff5e1d26993d8ca4a622f7d779a93096ef7ed9b5499dc13de23e1405'
        b"a5764b58737251286f0d81da5134d1eebc238\r"
    )
    frame = decode(raw, bytes.fromhex("850cba22f7dd4f033405da83e4c5bae9"))
    assert (frame.id, frame.account, frame.data, frame.encrypted) == ("NULL", "000", "", True)
    assert frame.time_ms is not None


@pytest.mark.parametrize(
    "fields",
    ["NoneL0#1234", "NoneL0A0", "L0R0A0", "R0L0A0", "R1L0#1234"],
)
def test_headers_of_receivers_in_use_are_read(fields: str) -> None:
    body = f'"NAK"0000{fields}[]_20:38:07,08-27-2026'.encode()
    raw = b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)
    assert decode(raw).time_ms == 1_787_863_087_000


HEX = st.text("0123456789ABCDEF", min_size=3, max_size=16)
DATA = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="[]"))
XDATA = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="[]|"))
FRAMES = st.builds(
    Frame,
    id=st.sampled_from(["NULL", "SIA-DCS", "ADM-CID", "ACK", "RSP", "SCN-S24", "ITI-I"]),
    seq=st.integers(0, 9999),
    account=HEX,
    data=DATA,
    xdata=st.lists(st.builds("{}{}".format, st.sampled_from("HIXYTV"), XDATA), max_size=4).map(
        tuple
    ),
    time_ms=st.integers(0, 4_102_444_799).map(lambda second: second * 1000),
    prefix=st.text("0123456789ABCDEF", min_size=1, max_size=6),
    receiver=st.text("0123456789ABCDEF", max_size=6),
    encrypted=st.booleans(),
)
KEY_VALUES = st.sampled_from(sorted(KEYS.values()))


@given(FRAMES, KEY_VALUES)
def test_every_frame_reads_back_as_it_was_written(frame: Frame, key: bytes) -> None:
    assert decode(encode(frame, key), key) == frame


@given(FRAMES, KEY_VALUES)
def test_siadc09_reads_what_we_write(frame: Frame, key: bytes) -> None:
    heard = siadc09_message.parse_frame(encode(frame, key), key)
    assert (heard.idtoken, heard.seq, heard.encrypted) == (frame.id, frame.seq, frame.encrypted)
    assert (heard.account.acct, heard.account.pref or 0) == (
        int(frame.account, 16),
        int(frame.prefix, 16),
    )
    assert heard.timestamp.timestamp() * 1000 == frame.time_ms
    if frame.id not in ("ACK", "NULL"):  # it keeps nothing but the time of these
        assert (heard.data.content if heard.data else b"") == frame.data.encode()
        assert len(heard.xdata) == len(frame.xdata)


@given(FRAMES, KEY_VALUES)
def test_we_read_what_siadc09_writes(frame: Frame, key: bytes) -> None:
    theirs: Any = siadc09_message.parse_frame(encode(frame, key), key)
    ours = decode(theirs.encode(encrypt=frame.encrypted), key)
    assert (ours.id, ours.seq, ours.time_ms) == (frame.id, frame.seq, frame.time_ms)
    assert int(ours.account, 16) == int(frame.account, 16)
    if frame.id not in ("ACK", "NULL"):
        assert ours.data == frame.data


@pytest.mark.parametrize("size", sorted(KEYS))
def test_the_clear_text_is_whole_blocks_behind_a_long_random_pad(size: int) -> None:
    pads: list[int] = []

    def pad(length: int) -> bytes:
        pads.append(length)
        return random_pad(length)

    raws: set[bytes] = set()
    for length in range(32):
        frame = Frame("SIA-DCS", 1, "1409", "x" * length, time_ms=0, encrypted=True)
        raw = encode(frame, KEYS[size], pad)
        raws |= {raw, encode(frame, KEYS[size])}
        assert len(raw.split(b"[")[1][:-1]) % 32 == 0
    assert set(pads) <= set(range(16, 32))
    assert len(raws) == 64  # the same frame never looks the same
    assert not re.search(rb"[\[\]|]", random_pad(2000))


def _whole(body: bytes) -> bytes:
    return b"\n%04X%04X%b\r" % (crc16_arc(body), len(body), body)


BODIES_REFUSED = [
    ("short account", b'"ACK"0001L0#12[]', "bad_header"),
    ("no prefix", b'"ACK"0001#1234[]', "bad_header"),
    ("small id", b'"ack"0001L0#1234[]', "bad_header"),
    ("open data", b'"ACK"0001L0#1234[', "bad_content"),
    ("text behind", b'"ACK"0001L0#1234[]x', "bad_content"),
    ("nested", b'"ACK"0001L0#1234[[]]', "bad_content"),
    ("not ASCII", b'"ACK"0001L0#1234[\xff]', "bad_content"),
    ("13th month", b'"NAK"0000R0L0A0[]_20:38:07,13-27-2026', "bad_time"),
    ("no time", b'"NAK"0000R0L0A0[]_', "bad_time"),
    ("not hex", b'"*ACK"0001L0#1234[xyz', "bad_cipher"),
    ("half a block", b'"*ACK"0001L0#1234[' + b"00" * 15, "bad_cipher"),
    ("no block", b'"*ACK"0001L0#1234[', "bad_cipher"),
    ("another key", b'"*ACK"0001L0#1234[' + b"00" * 32, "wrong_key"),
]
REFUSED = [
    ("nothing", b"", "bad_envelope"),
    ("end of line only", b"\n\r", "bad_envelope"),
    ("no start", b'59890012"ACK"0000L0#1409[]\r', "bad_envelope"),
    ("two frames", b'\n59890012"ACK"0000L0#1409[]\r\n59890012"ACK"0000L0#1409[]\r', "bad_length"),
    ("checksum", b'\n59880012"ACK"0000L0#1409[]\r', "bad_crc"),
    ("length", b'\n59890013"ACK"0000L0#1409[]\r', "bad_length"),
    ("changed", b'\n59890012"ACK"0001L0#1409[]\r', "bad_crc"),
    ("half", b'\n59890012"ACK"0000', "bad_envelope"),
    ("too long", b"\n" + b"A" * 5000, "too_long"),
    *((name, _whole(body), reason) for name, body, reason in BODIES_REFUSED),
]


@pytest.mark.parametrize(
    ("raw", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_wrong_frame_is_refused_by_name(raw: bytes, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode(raw, KEY)
    assert caught.value.reason == reason
    assert str(caught.value) == FRAME_REASONS[reason]


def test_an_encrypted_answer_needs_a_key_and_a_time() -> None:
    sealed = encode(Frame("ACK", 1, "1409", time_ms=0, encrypted=True), KEY)
    with pytest.raises(FrameError, match="set key"):
        decode(sealed)
    with pytest.raises(SignalError):
        encode(Frame("ACK", 1, "1409", encrypted=True), KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"account": "12"},
        {"account": "xyz"},
        {"account": "1" * 17},
        {"seq": 10_000},
        {"seq": -1},
        {"data": "[x]"},
        {"data": "zażółć"},
        {"data": "a\rb"},
        {"data": "x" * 5000},
        {"xdata": ("",)},
        {"xdata": ("Ia]",)},
        {"xdata": ("Ia|b",)},
        {"prefix": ""},
        {"receiver": "1234567"},
        {"time_ms": 10**18},
    ],
    ids=lambda change: str(change)[:30],
)
def test_what_no_frame_can_hold_is_not_written(change: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"id": "SIA-DCS", "seq": 1, "account": "1409"}
    with pytest.raises(SignalError):
        encode(Frame(**(usual | change)))


@settings(max_examples=50)
@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_times_are_utc_with_the_month_first(second: int) -> None:
    frame = Frame("NULL", 1, "1409", time_ms=second * 1000)
    assert decode(encode(frame)).time_ms == second * 1000
    assert time_text(1_787_863_087_999) == "20:38:07,08-27-2026"
