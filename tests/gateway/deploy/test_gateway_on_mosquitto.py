# SPDX-License-Identifier: Apache-2.0
"""The whole shipped set-up: a band over TLS-PSK, Mosquitto, the gateway on its own listener."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from opaska_gateway.broker.mosquitto import MosquittoPlan
from opaska_protocol import answers, reports
from opaska_protocol.channel import BandChannel
from opaska_protocol.seal import derive_psk
from tests.gateway.deploy.broker import Mosquitto, PskBand, free_port, until
from tests.gateway.service.process import Serve
from tests.support.requirements import requires_program

pytestmark = [requires_program("mosquitto"), requires_program("micropython")]

RELOADS = "Reloading config"  # in Mosquitto's log

SETTINGS = """
[broker]
kind = "mosquitto"
port = {port}
password_file = "mosquitto/gateway.password"
mosquitto_psk_file = "mosquitto/bands.psk"
mosquitto_pid_file = "mosquitto.pid"
"""


@pytest.fixture
def plan(tmp_path: Path) -> MosquittoPlan:
    return MosquittoPlan(tmp_path / "mosquitto", "127.0.0.1", free_port(), free_port())


async def test_a_band_added_beside_the_running_gateway_is_answered_over_tls_psk(
    tmp_path: Path, plan: MosquittoPlan
) -> None:
    gateway = Serve(tmp_path, SETTINGS.format(port=plan.gateway_port))
    ports = ("--band-port", str(plan.band_port), "--gateway-port", str(plan.gateway_port))
    address = ("--band-address", plan.band_address)
    await gateway.command("broker", "files", str(plan.folder), *ports, *address)
    mosquitto = Mosquitto(plan, tmp_path)
    await mosquitto.start()
    try:
        async with gateway:
            bundle = json.loads(await gateway.command("bands", "add"))
            kid, key = bundle["kid"], bytes.fromhex(bundle["key"])
            channel = BandChannel(bytes.fromhex(kid), 1, key, 1, os.urandom(8))
            frame = channel.seal(
                1, reports.encode_report(reports.ALARM, {"uptime_ms": 1, "kind": reports.SOS})
            )
            subscriptions = (f"dn/{kid}",)
            psk = derive_psk(key)
            async with PskBand(plan.band_port, kid, psk, subscriptions=subscriptions) as band:
                await band.up()
                await band.send(f"up/{kid}/a", frame)
                said = [await band.anything(), await band.anything()]
                (data,) = [line[2] for line in said if line[0] == "got"]
                answer = answers.decode_answer(channel.open(bytes.fromhex(data)))
                assert (answer.state, answer.boot, answer.seq) == (answers.STORED, 1, 1)
            reloads = mosquitto.log.count(RELOADS)
            await gateway.command("bands", "revoke", kid, "--why", "lost")
            await until(lambda: mosquitto.log.count(RELOADS) > reloads)
            async with PskBand(plan.band_port, kid, psk) as band:
                await band.event("trouble")
    finally:
        await mosquitto.stop()
