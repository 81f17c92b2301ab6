# SPDX-License-Identifier: Apache-2.0
"""Real receivers that we did not write hear every kind of signal and acknowledge it."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import pytest

from opaska_gateway import clock
from tests.gateway.centre.peers import (
    ACCOUNT,
    KEYS,
    PROTOCOLS,
    a_receiver,
    a_signal,
    centre_for,
    pysiaalarm,
    receiver_settings,
    siadc09_answer,
)

KEY_CHOICES = [None, *KEYS.values()]
KEY_IDS = ["plain", *(f"AES-{size * 8}" for size in KEYS)]
KINDS = ("sos", "fall", "possible_fall", "strap", "fault", "band_silent", "test", "new_kind")
ON_THE_WAY = {"position": (52.23, 21.01), "text": "Pani Zofia, ul. Łąkowa 3"}


@pytest.mark.parametrize("key", KEY_CHOICES, ids=KEY_IDS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_pysiaalarm_hears_account_and_code_and_its_yes_counts(
    protocol: str, key: bytes | None, transport: str
) -> None:
    async with pysiaalarm(key, udp=transport == "udp") as peer:
        settings = receiver_settings(
            peer.port, protocol=protocol, key=key.hex() if key else None, transport=transport
        )
        async with centre_for(settings) as centre:
            for kind in KINDS:
                delivery = await centre.deliver(a_signal(kind=kind, late=True, **ON_THE_WAY))
                assert delivery.outcome == ("accepted" if key else "accepted_plain"), kind
    assert {event.account for event in peer.events} == {ACCOUNT}
    sos = peer.events[0]
    assert (sos.code, sos.ri) == (("QA", "001") if protocol == "ADM-CID" else ("QA", "1"))
    assert len(peer.events) == len(KINDS)
    counts = peer.client.counts
    assert (counts.events, counts.valid_events) == (len(KINDS), len(KINDS))
    assert sos.extended_data is not None
    letters = "".join(block.identifier for block in sos.extended_data)
    assert letters == ("HIXY" if key and protocol == "SIA-DCS" else "H")


@pytest.mark.parametrize("key", KEY_CHOICES, ids=KEY_IDS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_siadc09_hears_account_and_code_and_its_yes_counts(
    protocol: str, key: bytes | None
) -> None:
    heard: list[Any] = []
    async with a_receiver(siadc09_answer(key, heard)) as peer:
        settings = receiver_settings(
            peer.port,
            protocol=protocol,
            key=key.hex() if key else None,
            prefix="12",
            receiver_number="AB",
            profile="dc05-2016",
            position=True,
            text=True,
        )
        async with centre_for(settings) as centre:
            for kind in KINDS:
                delivery = await centre.deliver(a_signal(kind=kind, late=True, **ON_THE_WAY))
                assert delivery.outcome == ("accepted" if key else "accepted_plain"), kind
    assert {message.account.get_id() for message in heard} == {f"{ACCOUNT}:12:AB"}
    fall = heard[1]
    assert "Fall Detected" in str(fall.data) or "Medical Alarm" in str(fall.data)
    assert [block.prefix for block in fall.xdata] == ["H", "I", "X", "Y"]
    assert fall.xdata[1].value == "Pani Zofia, ul. Lakowa 3"


async def test_a_plain_path_said_to_be_protected_counts() -> None:
    async with pysiaalarm() as peer:
        settings = receiver_settings(peer.port, allow_plain=True)
        async with centre_for(settings) as centre:
            assert (await centre.deliver(a_signal())).outcome == "accepted"


async def test_pysiaalarm_acknowledges_line_tests() -> None:
    for changes in ({"supervision": "null"}, {"supervision": "test"}):
        async with pysiaalarm(KEYS[16]) as peer:
            settings = receiver_settings(peer.port, key=KEYS[16].hex(), account=ACCOUNT, **changes)
            async with centre_for(settings) as centre:
                assert (await centre._paths[0].test()).outcome == "accepted"
        assert [event.code for event in peer.events] == ["RP"]


@pytest.mark.parametrize("off_s", [-300, 300])
@pytest.mark.parametrize("key", [None, KEYS[32]], ids=["plain", "AES-256"])
async def test_a_gateway_with_a_wrong_clock_learns_from_the_nak(
    key: bytes | None, off_s: int
) -> None:
    """pysiaalarm takes 40 s behind to 20 s ahead; its NAK carries its time."""
    async with pysiaalarm(key) as peer:
        settings = receiver_settings(peer.port, key=key.hex() if key else None, allow_plain=True)
        async with centre_for(settings, now_ms=lambda: clock.now_ms() + off_s * 1000) as centre:
            assert (await centre.deliver(a_signal())).outcome == "accepted"
            assert (await centre.deliver(a_signal())).outcome == "accepted"
            health = centre.health()[0]
    assert len(peer.events) == 2
    assert peer.client.counts.events == 3  # one NAK in all
    assert abs(health.clock_offset_ms + off_s * 1000) < 2000


async def test_an_account_that_the_receiver_does_not_know_is_not_accepted() -> None:
    async with pysiaalarm(KEYS[16]) as peer:
        settings = receiver_settings(peer.port, key=KEYS[16].hex(), retries=2)
        async with centre_for(settings) as centre:
            delivery = await centre.deliver(a_signal(account="FFFF"))
        plain = receiver_settings(peer.port, allow_plain=True, retries=2)
        async with centre_for(plain) as centre:
            plain_delivery = await centre.deliver(a_signal(account="FFFF"))
    assert (delivery.outcome, plain_delivery.outcome) == ("refused", "refused")
    assert "is not a DC-09 frame" in plain_delivery.detail
    assert peer.events == []


async def test_a_thousand_signals_at_once_arrive_once_each_and_in_order() -> None:
    people = 100
    accounts = [f"A{index:04}" for index in range(people)]
    heard: list[Any] = []
    async with a_receiver(siadc09_answer(KEYS[16], heard)) as peer:
        settings = receiver_settings(peer.port, key=KEYS[16].hex(), timeout_s=30)
        async with centre_for(settings) as centre:
            deliveries = await asyncio.gather(
                *(
                    centre.deliver(
                        a_signal(account=accounts[index % people], zone=index // people + 1)
                    )
                    for index in range(1000)
                )
            )
    assert {delivery.outcome for delivery in deliveries} == {"accepted"}
    zones: dict[int, list[int]] = {}
    for message in heard:
        zones.setdefault(message.account.acct, []).append(
            int(message.data.content.split(b"QA")[1])
        )
    assert len(zones) == people
    assert all(said == list(range(1, 11)) for said in zones.values())
    assert peer.most_at_once <= 4


async def test_one_press_after_the_other_is_acknowledged_in_time() -> None:
    """The centre's part of the 250 ms that the wearer waits at most."""
    took_ms: list[float] = []
    async with pysiaalarm(KEYS[16]) as peer:
        for keep_open_s in (0, 5):
            settings = receiver_settings(peer.port, key=KEYS[16].hex(), keep_open_s=keep_open_s)
            async with centre_for(settings) as centre:
                for _ in range(250):
                    start = time.perf_counter()
                    assert (await centre.deliver(a_signal())).outcome == "accepted"
                    took_ms.append((time.perf_counter() - start) * 1000)
    assert len(peer.events) == 500
    assert statistics.median(took_ms) < 250
