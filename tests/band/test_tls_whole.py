# SPDX-License-Identifier: Apache-2.0
"""The whole band over TLS-PSK, as in the field: the key of the generation opens the door."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING

import pytest

from opaska_protocol import reports
from opaska_protocol.seal import derive_psk
from opaska_tools.simulator.band import SimulatedBand
from opaska_tools.stage.child import Child
from opaska_tools.stage.ports import free_port, listening
from tests.band.conftest import KEY, KID
from tests.support.requirements import program, requires_program
from tests.support.small_gateway import SmallGateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = requires_program("mosquitto")

_CONFIG = """\
user {user}
per_listener_settings true
listener {plain} 127.0.0.1
allow_anonymous true
listener {tls} 127.0.0.1
allow_anonymous false
use_identity_as_username true
use_username_as_clientid true
psk_hint opaska
psk_file {folder}/psk
"""


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncGenerator[tuple[int, int]]:
    """(plain, TLS-PSK) ports of a Mosquitto that knows the band's key."""
    plain, tls = free_port(), free_port()
    (tmp_path / "psk").write_text(f"{KID.hex()}:{derive_psk(KEY).hex()}\n")
    config = tmp_path / "mosquitto.conf"
    words = {"user": getpass.getuser(), "folder": tmp_path, "plain": plain, "tls": tls}
    config.write_text(_CONFIG.format(**words))
    async with Child([program("mosquitto"), "-c", config]):
        await listening(tls)
        yield plain, tls


async def test_press_travels_over_tls_psk(ports: tuple[int, int], tmp_path: Path) -> None:
    plain, tls = ports
    async with (
        SmallGateway(KID, 1, KEY, ("127.0.0.1", plain)) as gateway,
        SimulatedBand(tmp_path / "band", ("127.0.0.1", tls)) as band,
    ):
        broker = f"broker.example:{tls}"  # a name, as it will be in the field
        band.provision(KID, 1, KEY, tls=True, brokers=broker, apn="m2m.example")
        await band.start()
        beat = await gateway.arrival(lambda a: a.type == reports.HEARTBEAT)
        await band.press(600)
        await band.wait_note("stored")
        await band.wait_note("accepted")
        assert band.circuit.wiring.modem.apn == "M2M.EXAMPLE"
        assert beat.fields["free_bytes"] > 32_768, "Mbed TLS has its memory elsewhere"


async def test_wrong_key_opens_nothing_and_the_wearer_is_not_told_hope(
    ports: tuple[int, int], tmp_path: Path
) -> None:
    plain, tls = ports
    async with (
        SmallGateway(KID, 1, KEY, ("127.0.0.1", plain)) as gateway,
        SimulatedBand(tmp_path / "band", ("127.0.0.1", tls)) as band,
    ):
        band.provision(KID, 1, bytes(16), tls=True)
        await band.start()
        await asyncio.sleep(1)
        await band.press(600)
        await asyncio.sleep(1)
        assert band.link.connections > 0
        assert gateway.arrivals == {}
        assert {note.name for note in band.notes} == {"hold", "working"}
