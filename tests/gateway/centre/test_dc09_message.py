# SPDX-License-Identifier: Apache-2.0
"""Signals as frames: the right words, and any signal with a usable account can be said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from siadc09 import message as siadc09_message

from opaska_gateway.centre.dc09 import decode, encode
from opaska_gateway.centre.dc09_message import degrees_text, line_test, word
from opaska_gateway.centre.interface import Signal
from opaska_gateway.centre.profiles import load_profiles
from tests.gateway.centre.peers import KEY, PROTOCOLS, a_signal, receiver_settings

PROFILES = load_profiles()
OCCURRED_MS = 1_356_962_398_000  # 13:59:58,12-31-2012
WARSAW = (52.229676, 21.012229)

# (signal, settings) -> (data, extra blocks) of the first wording
SAID: list[tuple[dict[str, Any], dict[str, Any], str, tuple[str, ...]]] = [
    ({}, {}, "#1409AB|Nri1/QA1", ()),
    ({}, {"protocol": "ADM-CID"}, "#1409AB|1101 01 001", ()),
    ({"restore": True}, {"protocol": "ADM-CID"}, "#1409AB|3101 01 001", ()),
    ({"restore": True}, {"area": 7}, "#1409AB|Nri7/QH1", ()),
    ({"kind": "fall"}, {"protocol": "ADM-CID", "area": 7}, "#1409AB|1101 07 002", ()),
    (
        {"kind": "fall"},
        {"protocol": "ADM-CID", "profile": "dc05-2016"},
        "#1409AB|1103 01 002",
        (),
    ),
    ({"kind": "fall"}, {}, "#1409AB|Nri1/MA2", ()),
    ({"kind": "new"}, {}, "#1409AB|Nri1/QA9", ()),
    ({"zone": 12}, {}, "#1409AB|Nri1/QA12", ()),
    ({"zone": 1000}, {"protocol": "ADM-CID"}, "#1409AB|1101 01 001", ()),
    ({"late": True}, {}, "#1409AB|Nri1/QA1", ("H13:59:58,12-31-2012",)),
    (
        {"late": True, "position": WARSAW, "text": "Jaś"},
        {"key": KEY.hex()},
        "#1409AB|Nri1/QA1",
        ("H13:59:58,12-31-2012", "IJas", "X021E00.734", "Y52N13.781"),
    ),
    # Personal data stays home when anybody could read it, unless the operator says otherwise.
    ({"position": WARSAW, "text": "Jaś"}, {}, "#1409AB|Nri1/QA1", ()),
    (
        {"position": WARSAW, "text": "Jaś"},
        {"position": True},
        "#1409AB|Nri1/QA1",
        ("X021E00.734", "Y52N13.781"),
    ),
    ({"position": WARSAW}, {"protocol": "ADM-CID", "key": KEY.hex()}, "#1409AB|1101 01 001", ()),
    ({"position": (float("nan"), 200.0)}, {"position": True}, "#1409AB|Nri1/QA1", ()),
    ({"text": "  "}, {"text": True}, "#1409AB|Nri1/QA1", ()),
]


@pytest.mark.parametrize(
    ("signal", "settings", "data", "extra"), SAID, ids=[f"{row[0]}{row[1]}" for row in SAID]
)
def test_a_signal_is_said_in_the_receivers_words(
    signal: dict[str, Any], settings: dict[str, Any], data: str, extra: tuple[str, ...]
) -> None:
    receiver = receiver_settings(1, **settings)
    first = word(
        a_signal(**({"occurred_ms": OCCURRED_MS} | signal)), receiver, PROFILES[receiver.profile]
    )[0]
    assert (first.frame.data, first.frame.xdata) == (data, extra)


def test_a_trouble_that_a_profile_leaves_out_is_not_said_and_never_rings_as_other() -> None:
    receiver = receiver_settings(1)
    unwanted = a_signal(kind="fault_order_refused", trouble=True)
    assert word(unwanted, receiver, PROFILES["basic"]) == ()
    assert word(a_signal(kind="fault_order_refused"), receiver, PROFILES["basic"])


def test_an_end_that_a_table_has_no_code_for_is_not_said_as_a_new_event() -> None:
    receiver = receiver_settings(1)
    assert word(a_signal(kind="restart", restore=True), receiver, PROFILES["basic"]) == ()
    assert word(a_signal(kind="restart"), receiver, PROFILES["basic"])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_endangers_an_sos_is_said_as_a_trouble_and_keeps_off_the_line_of_alarms(
    profile: str, protocol: str
) -> None:
    receiver = receiver_settings(1, protocol=protocol, profile=profile)
    said: set[str] = set()
    for kind in ("flash_unreadable", "flash_full", "flash_read_only", "reports_dropped"):
        (first,) = word(a_signal(kind=f"fault_{kind}", trouble=True), receiver, PROFILES[profile])
        assert first.code == ("300" if protocol == "ADM-CID" else "YX")
        assert not first.urgent
        said.add(first.frame.data)
    assert len(said) == 4


def test_the_codes_after_a_duh_follow() -> None:
    wordings = word(a_signal(), receiver_settings(1, protocol="ADM-CID"), PROFILES["basic"])
    assert [wording.code for wording in wordings] == ["101", "120", "100"]


DEGREES = [
    ((19.5667, "EW", 3), "019E34.002"),
    ((-19.5667, "EW", 3), "019W34.002"),
    ((53.5958, "NS", 2), "53N35.748"),
    ((-0.000001, "NS", 2), "00S00.000"),
    ((10.9999999, "EW", 3), "011E00.000"),  # never 60 minutes
    ((180.0, "EW", 3), "180E00.000"),
]


@pytest.mark.parametrize(("degrees", "text"), DEGREES, ids=[text for _, text in DEGREES])
def test_positions_are_degrees_and_decimal_minutes(
    degrees: tuple[float, str, int], text: str
) -> None:
    assert degrees_text(*degrees) == text


@given(st.floats(-180, 180))
def test_a_position_survives_to_two_metres(degrees: float) -> None:
    text = degrees_text(degrees, "EW", 3)
    value = int(text[:3]) + float(text[4:]) / 60
    assert abs((value if text[3] == "E" else -value) - degrees) < 0.00001


@pytest.mark.parametrize(
    ("settings", "frame_id", "data"),
    [
        ({"supervision": "null"}, "NULL", ""),
        ({"supervision": "test"}, "SIA-DCS", "#77AA|Nri1/RP0"),
        ({"supervision": "test", "protocol": "ADM-CID"}, "ADM-CID", "#77AA|1602 01 000"),
    ],
    ids=["null", "sia", "contact id"],
)
def test_line_tests(settings: dict[str, Any], frame_id: str, data: str) -> None:
    frame = line_test(receiver_settings(1, account="77aa", **settings), PROFILES["basic"]).frame
    assert (frame.id, frame.account, frame.data) == (frame_id, "77AA", data)


SIGNALS = st.builds(
    Signal,
    account=st.text("0123456789abcdefABCDEF", min_size=3, max_size=16),
    kind=st.one_of(st.sampled_from(sorted(PROFILES["basic"])), st.text(max_size=9)),
    number=st.integers(),
    occurred_ms=st.integers(),
    trouble=st.booleans(),
    restore=st.booleans(),
    late=st.booleans(),
    zone=st.integers(),
    position=st.none() | st.tuples(st.floats(), st.floats()),
    text=st.none() | st.text(),
)


@given(
    SIGNALS,
    st.sampled_from(PROTOCOLS),
    st.sampled_from(sorted(PROFILES)),
    st.sampled_from([None, KEY.hex(), KEY.hex() * 2]),
)
def test_any_signal_yields_frames_that_we_and_siadc09_read_back(
    signal: Signal, protocol: str, profile: str, key: str | None
) -> None:
    receiver = receiver_settings(
        1, protocol=protocol, profile=profile, key=key, position=True, text=True
    )
    for wording in word(signal, receiver, PROFILES[profile]):
        sent = replace(wording.frame, seq=1, time_ms=OCCURRED_MS)
        raw = encode(sent, receiver.key_bytes)
        assert len(raw) < 1000  # what pysiaalarm reads at once
        assert decode(raw, receiver.key_bytes) == sent
        heard = siadc09_message.parse_frame(raw, receiver.key_bytes)
        assert heard.idtoken == protocol
        assert [str(block.label) for block in heard.xdata if block.prefix == ""] == []
        assert type(heard.data).__name__ in ("DataDcsGroup", "DataCid")
        if protocol == "ADM-CID":
            assert heard.data.event.code == wording.code
