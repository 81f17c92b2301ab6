# SPDX-License-Identifier: Apache-2.0
"""The band's way out over real brokers and bad links: every report arrives and is freed."""

from __future__ import annotations

import asyncio
import random
import ssl
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from opaska_gateway.broker.embedded import embedded_broker
from opaska_gateway.broker.mosquitto import MosquittoPlan, write_files
from opaska_protocol import frame, reports
from opaska_protocol.channel import GatewayChannel
from opaska_protocol.seal import derive_psk
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.simulator.link import LinkProxy
from tests.band_keep.half_band import (
    KEY,
    KID,
    Answering,
    HalfBand,
    Name,
    NoLink,
    at_once,
    never,
)
from tests.gateway.deploy.broker import Client, Mosquitto, free_port
from tests.support.requirements import requires_program
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = requires_program("micropython")

MOST_ON_THEIR_WAY = 12  # reports without PUBACK: sender.py's two windows


class Place:
    """A running broker: where bands connect, whether by TLS-PSK, and how the gateway does."""

    def __init__(self, band: tuple[str, int], tls: bool, gateway: tuple[str, str, int]) -> None:
        self.band = band
        self.tls = tls
        self._username, self._password, self._port = gateway

    async def gateway(self) -> Client:
        client = Client(self._username, self._password)
        assert await client.connect(self._port) == "Success"
        return client


@pytest.fixture(
    params=["amqtt", pytest.param("mosquitto", marks=requires_program("mosquitto"))],
)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place]:
    if request.param == "amqtt":
        async with embedded_broker("127.0.0.1", 0, "gateway") as access:
            inside = (access.username, access.password, access.port)
            yield Place((access.host, access.port), False, inside)
        return
    plan = MosquittoPlan(tmp_path / "files", "127.0.0.1", free_port(), free_port())
    write_files(plan, {KID.hex(): derive_psk(KEY)})
    broker = Mosquitto(plan, tmp_path)
    await broker.start()
    try:
        password = plan.gateway_password_file.read_text(encoding="utf-8").strip()
        yield Place(
            ("127.0.0.1", plan.band_port), True, (plan.username, password, plan.gateway_port)
        )
    finally:
        await broker.stop()


async def test_every_report_arrives_once_on_its_topic_and_its_answer_frees_it(
    place: Place,
) -> None:
    band = HalfBand(place.band, reports=60, gap_ms=5, tls=place.tls)
    async with Answering(await place.gateway(), at_once) as gateway:
        done = await band.run()
    assert set(gateway.frames) == set(band.kept)
    assert len(band.kept) == 60
    # When a machine stands still, what is on its way is late, and is sent again.
    assert sum(gateway.times.values()) <= 60 + MOST_ON_THEIR_WAY
    assert gateway.clashes == []
    for name, letter in band.kept.items():
        assert gateway.topics[name] == f"up/{KID.hex()}/{letter}"
    assert done["connections"] == 1
    assert (done["refused"], done["discarded"], done["faults"], done["alive"]) == (0, 0, 0, True)


async def test_a_link_cut_again_and_again_loses_and_changes_nothing(place: Place) -> None:
    dice = random.Random(7)

    def now_and_then(_name: Name, _times: int) -> bool:
        return dice.random() < 0.7

    async def cut(link: LinkProxy) -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.1, 0.7))
            link.reset_connections()

    async with (
        LinkProxy(place.band) as link,
        Answering(await place.gateway(), now_and_then) as gateway,
    ):
        band = HalfBand(link.address, reports=80, gap_ms=60, tls=place.tls)
        cutting = asyncio.create_task(cut(link))
        done = await band.run(90)
        cutting.cancel()
    assert set(gateway.frames) == set(band.kept)
    assert len(band.kept) == 80
    assert gateway.clashes == []
    assert done["connections"] >= 5
    assert (done["refused"], done["discarded"], done["faults"], done["alive"]) == (0, 0, 0, True)


def of_type(gateway: Answering, type_: int) -> dict[Name, reports.Report]:
    """The reports of a type that came, opened again from their bytes."""
    channel = GatewayChannel(KID, 1, KEY, bytes(8))
    came = {
        name: reports.decode_report(channel.open(*frame.parse_up(sealed)))
        for name, sealed in gateway.frames.items()
    }
    return {name: report for name, report in came.items() if report.type == type_}


async def test_every_lost_connection_is_told_by_the_broker_under_a_seq_of_its_own(
    place: Place, tmp_path: Path
) -> None:
    def told(times: int) -> bool:
        return len(of_type(gateway, reports.LINK_LOST)) == times

    def sent_boot(times: int) -> bool:  # unanswered, it is sent once for each connection
        boot = of_type(gateway, reports.BOOT)
        return any(gateway.times[name] >= times for name in boot)

    async with (
        Answering(await place.gateway(), never) as gateway,
        SimulatedBand(tmp_path / "band", place.band) as band,
    ):
        band.provision(KID, 1, KEY, tls=place.tls)
        await band.start()
        for count in (1, 2, 3):
            await until(partial(sent_boot, count), "the boot report")
            assert told(count - 1), "told of a connection that lives"
            band.link.reset_connections()
            await until(partial(told, count), "the will")
        await band.press(600)
        await until(lambda: of_type(gateway, reports.ALARM), "the SOS")
    lost = of_type(gateway, reports.LINK_LOST)
    assert gateway.clashes == [], "one seq under two reports"
    assert {gateway.topics[name] for name in lost} == {f"up/{KID.hex()}/t"}
    assert all(report.problems == [] for report in lost.values())
    opened_ms = [report.fields["uptime_ms"] for report in lost.values()]
    assert opened_ms == sorted(set(opened_ms)), "each connection has a will of its own"
    assert len(band.starts) == 1


@requires_program("mosquitto")  # amqtt forgets a subscriber whose old link is still open
@pytest.mark.parametrize("place", ["mosquitto"], indirect=True)
async def test_a_link_that_falls_silent_is_left_for_the_other_broker(place: Place) -> None:
    async with (
        LinkProxy(place.band) as first,
        LinkProxy(place.band) as second,
        Answering(await place.gateway(), at_once) as gateway,
    ):
        band = HalfBand(first.address, second.address, reports=30, gap_ms=100, tls=place.tls)
        running = asyncio.create_task(band.run())
        await gateway.arrived.wait()
        first.cut("silence")
        done = await running
    assert second.connections >= 1
    assert set(gateway.frames) == set(band.kept)
    assert "no answer" in done["error"] or done["connections"] >= 2


async def test_an_sos_does_not_wait_behind_the_backlog_of_an_outage(place: Place) -> None:
    async with (
        LinkProxy(place.band) as link,
        Answering(await place.gateway(), at_once) as gateway,
    ):
        link.slow(delay_ms=100)
        band = HalfBand(
            link.address,
            backlog=80,
            reports=1,
            gap_ms=500,
            urgent_every=1,
            tls=place.tls,
            constants={"_SILENT_MS": 5_000},
        )
        await band.run()
    sos = next(name for name, letter in band.kept.items() if letter == "a")
    assert set(gateway.frames) == set(band.kept)
    before = gateway.order.index(sos)
    assert before <= 25, f"{before} of 80 older reports arrived before the SOS"


@requires_program("mosquitto")
@pytest.mark.parametrize("place", ["mosquitto"], indirect=True)
async def test_a_wrong_key_never_gets_in(place: Place) -> None:
    band = HalfBand(place.band, reports=1, tls=True, key=bytes(16))
    async with Answering(await place.gateway(), at_once) as gateway:
        with pytest.raises(NoLink, match="SSL"):
            await band.run(patient=False)
    assert gateway.frames == {}


async def test_a_server_with_a_certificate_instead_of_the_key_hears_nothing(
    tmp_path: Path,
) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    context = _certificate_context(tmp_path)
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server, LinkProxy(server.sockets[0].getsockname()[:2]) as link:
        with pytest.raises(NoLink, match="SSL"):
            await HalfBand(link.address, reports=1, tls=True).run(patient=False)
    assert link.connections >= 1
    assert heard == []


def _certificate_context(folder: Path) -> ssl.SSLContext:
    """A TLS server's, with a certificate that it made itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
