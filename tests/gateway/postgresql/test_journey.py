# SPDX-License-Identifier: Apache-2.0
"""The whole gateway on PostgreSQL: a press reaches the monitoring centre, and commands work."""

from __future__ import annotations

import json
from pathlib import Path

from opaska_protocol.answers import ACCEPTED, CLOSED, STORED, TAKEN
from tests.gateway.centre.peers import KEY, a_receiver, siadc09_answer
from tests.gateway.service.process import Band, Serve

SETTINGS = """
[storage]
database_url = "{url}"
[broker]
port = 0
[centre]
[[centre.receiver]]
name = "main"
host = "127.0.0.1"
port = {port}
account = "1234"
key_file = "receiver.key"
ack_window_s = 0
supervision = "off"
"""


async def test_a_press_reaches_the_centre_and_is_taken_and_closed(
    url: str, tmp_path: Path
) -> None:
    (tmp_path / "receiver.key").write_text(KEY.hex())
    (tmp_path / "receiver.key").chmod(0o600)
    async with a_receiver(siadc09_answer(KEY)) as centre:
        settings = SETTINGS.format(url=url, port=centre.port)
        gateway = Serve(tmp_path, settings)
        band = Band(await gateway.new_band())
        person = (await gateway.command("people", "add", "--name", "Maria")).strip()
        await gateway.command("people", "assign", person, "7", "--account", "1409")
        async with gateway:
            try:
                await band.connect(gateway.port)
                await band.send(band.sos(1))
                assert await band.answer() == (1, STORED)
                assert await band.answer() == (1, ACCEPTED)
                (case,) = json.loads(await gateway.command("cases", "list", "--json"))
                assert (case["state"], case["name"]) == ("forwarded", "Maria")
                await gateway.command("cases", "take", case["id"][:8])
                assert await band.answer() == (1, TAKEN)
                await gateway.command("cases", "close", case["id"][:8], "--outcome", "helped")
                assert await band.answer() == (1, CLOSED)
            finally:
                band.close()
            await gateway.command("people", "unassign", "7")
            await gateway.command("people", "erase", person, "--why", "asked")
            lists = ("bands", "list"), ("people", "list"), ("bands", "faults"), ("visits", "list")
            for words in lists:
                await gateway.command(*words, "--json")
        assert [frame.account for frame in centre.frames(KEY)] == ["1409"]
