# SPDX-License-Identifier: Apache-2.0
"""A press reaches the database through a running gateway, and a human's hand reaches the wrist."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from opaska_protocol.answers import CLOSED, STORED, TAKEN
from tests.gateway.service.process import Band, Serve

STATIONS = ["received", "verified", "stored", "case_opened", "answer_sent"]


async def test_a_press_is_stored_answered_taken_and_closed(
    gateway: Serve, switch_on: Callable[..., Band]
) -> None:
    band = switch_on(await gateway.new_band())
    await band.connect(gateway.port)
    await band.send(band.sos(1))
    assert await band.answer() == (1, STORED)
    (case,) = json.loads(await gateway.command("cases", "list", "--json"))
    assert (case["state"], case["kinds"], case["label"]) == ("ringing", ["sos"], "7")
    await gateway.command("cases", "take", case["id"][:8])
    assert await band.answer() == (1, TAKEN)
    await gateway.command("cases", "close", case["id"][:8], "--outcome", "helped")
    assert await band.answer() == (1, CLOSED)
    assert json.loads(await gateway.command("cases", "list", "--json")) == []
    (case,) = json.loads(await gateway.command("cases", "list", "--all", "--json"))
    assert (case["state"], case["outcome"]) == ("closed", "helped")


async def test_a_gateway_that_can_tell_nobody_says_so_at_its_start(gateway: Serve) -> None:
    (warning,) = (line for line in gateway.seen if line["event"] == "no_monitoring_centre")
    assert warning["level"] == "warning"
    assert "[[centre.receiver]]" in warning["problem"]


async def test_a_way_to_the_centre_on_which_a_yes_can_be_forged_is_named_at_its_start(
    tmp_path: Path,
) -> None:
    ways = "".join(
        f'[[centre.receiver]]\nname = "{name}"\nhost = "127.0.0.1"\nport = 9\naccount = "1409"\n'
        f'key = "000102030405060708090A0B0C0D0E0F"\n{more}\n'
        for name, more in {"open": "", "tls": "tls = true", "vpn": "allow_plain = true"}.items()
    )
    async with Serve(tmp_path, f"[broker]\nport = 0\n{ways}") as gateway:
        warnings = [line for line in gateway.seen if line["event"] == "centre_unprotected"]
    assert [warning["receiver"] for warning in warnings] == ["open"]
    assert "tls = true" in warnings[0]["problem"]


async def test_every_station_of_the_journey_is_a_line_with_its_time(
    gateway: Serve, switch_on: Callable[..., Band]
) -> None:
    band = switch_on(await gateway.new_band())
    await band.connect(gateway.port)
    await band.send(band.sos(1))
    lines = [await gateway.line("journey", station=station) for station in STATIONS]
    for line in lines:
        assert (line["kid"], line["boot"], line["seq"]) == (band.kid, 1, 1)
    times = [line["monotonic_ms"] for line in lines]
    assert times == sorted(times)


async def test_bands_added_and_revoked_beside_it_count_within_a_second_or_two(
    gateway: Serve, switch_on: Callable[..., Band]
) -> None:
    first = switch_on(await gateway.new_band("1"))
    await first.connect(gateway.port)
    await first.send(first.sos(1))
    assert await first.answer() == (1, STORED)
    second = switch_on(await gateway.new_band("2"))
    await second.connect(gateway.port)
    await second.send(second.sos(1))
    assert await second.answer() == (1, STORED)
    await gateway.command("bands", "revoke", "1", "--why", "lost")
    await gateway.line("registry_changed", 2)
    await first.send(first.sos(2))
    await gateway.line("journey", station="received", kid=first.kid, seq=2)
    await second.send(second.sos(2))
    assert await second.answer() == (2, STORED)
    stored = [line["kid"] for line in gateway.seen if line.get("station") == "stored"]
    assert stored == [first.kid, second.kid]


async def test_an_order_reaches_the_band_at_once(
    gateway: Serve, switch_on: Callable[..., Band]
) -> None:
    band = switch_on(await gateway.new_band())
    await band.connect(gateway.port)
    await gateway.command("bands", "set", "7", "hold_ms=800", "quiet=true")
    assert await band.order() == {"version": 1, "hold_ms": 800, "quiet": True}
