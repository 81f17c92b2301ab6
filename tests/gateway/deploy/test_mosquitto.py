# SPDX-License-Identifier: Apache-2.0
"""The Mosquitto we ship: a band gets in with its own key only, and reaches nothing but its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from opaska_gateway.broker.mosquitto import (
    MosquittoPlan,
    ask_to_reload,
    write_files,
    write_psk_file,
)
from tests.gateway.deploy.broker import Client, Mosquitto, PskBand, free_port, until
from tests.gateway.deploy.conftest import KEYS
from tests.support.requirements import requires_program

pytestmark = [requires_program("mosquitto"), requires_program("micropython")]

MINE, OTHER = KEYS
STRANGER = "0123456789abcdef"


def band(broker: Mosquitto, kid: str = MINE, *, key: bytes = b"", **more: object) -> PskBand:
    more.setdefault("subscriptions", (f"dn/{kid}",))
    return PskBand(broker.plan.band_port, kid, key or KEYS[kid], **more)  # type: ignore[arg-type]


async def test_a_band_with_its_key_reports_and_is_answered(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto) as mine:
        await mine.up()
        await mine.publish(f"up/{MINE}/a", b"\x00alarm\xff")
        assert await gateway.message() == (f"up/{MINE}/a", b"\x00alarm\xff")
        await mine.publish(f"up/{MINE}/t", b"telemetry")
        assert await gateway.message() == (f"up/{MINE}/t", b"telemetry")
        await gateway.publish(f"dn/{MINE}", b"stored")
        assert await mine.event("got") == [f"dn/{MINE}", b"stored".hex()]


@pytest.mark.parametrize(
    ("kid", "key"),
    [(MINE, KEYS[OTHER]), (MINE, bytes(16)), (STRANGER, KEYS[MINE]), ("", KEYS[MINE])],
    ids=["key of another band", "no key", "unknown band", "no name"],
)
async def test_a_wrong_key_or_name_is_refused_before_a_word_is_said(
    mosquitto: Mosquitto, kid: str, key: bytes
) -> None:
    async with band(mosquitto, kid, key=key) as stranger:
        await stranger.event("trouble")
    assert "New client connected" not in mosquitto.log


async def test_a_band_cannot_write_as_another_or_as_the_gateway(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto) as mine, band(mosquitto, OTHER) as other:
        await mine.up()
        await other.up()
        for topic in (f"up/{OTHER}/a", f"up/{OTHER}/t", f"dn/{OTHER}", f"dn/{MINE}", "up/x"):
            await mine.publish(topic, b"forged")  # Mosquitto acknowledges and drops it
        await mine.publish(f"up/{MINE}/a", b"last")
        assert await gateway.message() == (f"up/{MINE}/a", b"last")
        await gateway.publish(f"dn/{OTHER}", b"true")
        assert await other.event("got") == [f"dn/{OTHER}", b"true".hex()]


async def test_a_band_leaves_no_will_in_anothers_name(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto, OTHER) as other:
        await other.up()
        for topic in (f"up/{OTHER}/a", f"dn/{OTHER}", f"up/{MINE}/a"):
            async with band(mosquitto, will=(topic, "a will")) as mine:
                await mine.up()  # and then it is gone without a word
        assert await gateway.message() == (f"up/{MINE}/a", b"a will")
        await gateway.publish(f"dn/{OTHER}", b"last")
        assert await other.event("got") == [f"dn/{OTHER}", b"last".hex()]


async def test_a_band_cannot_read_what_is_meant_for_others(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    greedy = ("#", "dn/+", f"dn/{OTHER}", "up/#", "$SYS/#", f"dn/{MINE}")
    async with band(mosquitto, subscriptions=greedy) as mine, band(mosquitto, OTHER) as other:
        await mine.up()
        await other.up()
        await other.publish(f"up/{OTHER}/a", b"secret")
        await gateway.publish(f"dn/{OTHER}", b"secret")
        await gateway.publish(f"dn/{MINE}", b"for me")
        topic, data = await mine.event("got")
        assert (topic, data) == (f"dn/{MINE}", b"for me".hex())


async def test_a_band_under_anothers_client_id_cannot_wipe_its_queue(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto, OTHER) as other:
        await other.up()
    await gateway.publish(f"dn/{OTHER}", b"kept for it")
    async with band(mosquitto, MINE, client_id=OTHER) as thief:
        await thief.up()
        await thief.publish(f"up/{MINE}/a", b"as myself")
    async with band(mosquitto, OTHER) as other:
        await other.event("up")
        assert await other.event("got") == [f"dn/{OTHER}", b"kept for it".hex()]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (None, None),
        ("opaska-gateway", None),
        ("opaska-gateway", ""),
        ("opaska-gateway", "guess"),
        (MINE, KEYS[MINE].hex()),
        ("nobody", "guess"),
    ],
)
async def test_the_gateways_listener_refuses_all_but_its_password(
    mosquitto: Mosquitto,
    new_client: Callable[..., Client],
    username: str | None,
    password: str | None,
) -> None:
    client = new_client(username, password)
    assert await client.connect(mosquitto.plan.gateway_port) == "Not authorized"


async def test_a_crowd_on_the_bands_listener_does_not_keep_the_gateway_out(
    tmp_path: Path, new_client: Callable[..., Client]
) -> None:
    crowd = 3
    ports = "127.0.0.1", free_port(), free_port()
    plan = MosquittoPlan(tmp_path / "few", *ports, band_connections=crowd)
    write_files(plan, KEYS)
    broker = Mosquitto(plan, tmp_path)
    await broker.start()
    try:
        where = "127.0.0.1", plan.band_port
        silent = [await asyncio.open_connection(*where) for _ in range(crowd)]
        reader, writer = await asyncio.open_connection(*where)
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                assert not await reader.read(), "one too many"
        password = plan.gateway_password_file.read_text(encoding="utf-8").strip()
        client = new_client(plan.username, password)
        assert await client.connect(plan.gateway_port) == "Success"
        for _, each in [*silent, (reader, writer)]:
            each.close()
    finally:
        await broker.stop()


async def test_what_comes_while_the_gateway_is_away_waits_for_it(
    mosquitto: Mosquitto, new_client: Callable[..., Client]
) -> None:
    password = mosquitto.plan.gateway_password_file.read_text(encoding="utf-8").strip()
    before = new_client(mosquitto.plan.username, password, "gateway-urgent")
    await before.connect(mosquitto.plan.gateway_port)
    await before.subscribe("up/+/a")
    before.close()
    async with band(mosquitto) as mine:
        await mine.up()
        for number in range(30):
            await mine.publish(f"up/{MINE}/a", b"alarm %d" % number)
    after = new_client(mosquitto.plan.username, password, "gateway-urgent")
    await after.connect(mosquitto.plan.gateway_port)
    heard = [await after.message() for _ in range(30)]
    assert heard == [(f"up/{MINE}/a", b"alarm %d" % number) for number in range(30)]


async def test_a_packet_larger_than_any_frame_ends_the_connection(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto) as mine:
        await mine.up()
        await mine.publish(f"up/{MINE}/a", bytes(1024))
        assert (await gateway.message())[1] == bytes(1024)
    async with band(mosquitto) as mine:
        await mine.up()
        await mine.send(f"up/{MINE}/a", bytes(4096))
        await mine.event("trouble")
    assert gateway.messages.empty()


async def test_a_new_band_gets_in_and_a_revoked_one_stays_out_after_a_reload(
    mosquitto: Mosquitto, gateway: Client
) -> None:
    async with band(mosquitto, OTHER) as other:
        await other.up()
    async with band(mosquitto) as mine:
        await mine.up()
        write_psk_file(mosquitto.plan.psk_file, {MINE: KEYS[MINE], STRANGER: bytes(16)})
        ask_to_reload(mosquitto.pid_file)
        await until(lambda: "Reloading config" in mosquitto.log)
        async with band(mosquitto, STRANGER, key=bytes(16)) as new:
            await new.up()
        async with band(mosquitto, OTHER) as other:
            await other.event("trouble")
        await mine.publish(f"up/{MINE}/a", b"not disturbed by it")
        assert (await gateway.message())[1] == b"not disturbed by it"
