# SPDX-License-Identifier: Apache-2.0
"""The gateway ends when told, loses nothing when killed, and never runs twice on one database."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from opaska_protocol.answers import STORED
from tests.gateway.service.process import OPASKA, Band, Serve

END_S = 5.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_ends_within_five_seconds_of_a_signal_with_bands_connected(
    gateway: Serve, switch_on: Callable[..., Band], number: signal.Signals
) -> None:
    band = switch_on(await gateway.new_band())
    await band.connect(gateway.port)
    began = time.monotonic()
    gateway.process.send_signal(number)
    assert await gateway.ended() == 0
    assert time.monotonic() - began < END_S
    assert [line["event"] for line in gateway.seen[-2:]] == ["stopping", "stopped"]
    assert not [line for line in gateway.seen if line["level"] in ("error", "critical")]


async def test_a_shutdown_that_hangs_is_ended_by_force() -> None:
    hung = (
        "import time; from opaska_gateway.commands.process import end_by_force_after;"
        "end_by_force_after(0.2); time.sleep(60)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", hung)
    async with asyncio.timeout(END_S):
        assert await process.wait() == 3


async def test_what_was_answered_is_there_after_kill_9_and_answered_again_alike(
    gateway: Serve, switch_on: Callable[..., Band]
) -> None:
    bundle = await gateway.new_band()
    band = switch_on(bundle)
    frame = band.sos(1)
    await band.connect(gateway.port)
    await band.send(frame)
    assert await band.answer() == (1, STORED)
    gateway.process.kill()
    await gateway.ended()
    await gateway.start()
    again = switch_on(bundle, boot=2)
    await again.connect(gateway.port)
    await again.send(frame)
    assert await again.answer() == (1, STORED)
    await again.send(again.sos(2))
    assert await again.answer() == (2, STORED)
    listed = await gateway.command("cases", "list")
    assert listed.count("\n") == 1


async def test_a_second_gateway_on_the_same_database_is_refused(gateway: Serve) -> None:
    second = await asyncio.create_subprocess_exec(
        *OPASKA, "serve", "--config", gateway.file, stderr=asyncio.subprocess.PIPE
    )
    _, problem = await second.communicate()
    assert second.returncode == 2
    assert problem.decode() == (
        f"{gateway.folder / 'var' / 'opaska.db'}: storage.database_file: the gateway with process "
        f"id {gateway.process.pid} runs on it; stop that one, or write another file\n"
    )


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "gateway.toml"
        file.write_text(f"[broker]\nport = {port}\n", encoding="utf-8")
        result = subprocess.run(
            [*OPASKA, "serve", "--config", file], capture_output=True, check=False, text=True
        )
    assert result.returncode == 1
    assert result.stderr == (
        f"opaska: broker.port: 127.0.0.1 port {port} cannot be used (address already in use); "
        "write another port, or 0 for a free one\n"
    )


def test_mosquitto_without_a_password_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[broker]\nkind = "mosquitto"\n', encoding="utf-8")
    result = subprocess.run(
        [*OPASKA, "serve", "--config", file], capture_output=True, check=False, text=True
    )
    assert result.returncode == 2
    assert result.stderr.startswith("settings: broker.password_file: it is missing; write ")


async def test_systemd_is_told_when_it_takes_reports_and_when_it_ends(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        gateway = Serve(tmp_path)
        gateway.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        async with gateway, asyncio.timeout(END_S):
            loop = asyncio.get_running_loop()
            assert await loop.sock_recv(systemd, 100) == b"READY=1"
            gateway.process.terminate()
            assert await loop.sock_recv(systemd, 100) == b"STOPPING=1"


async def test_what_it_makes_is_for_its_user_only_and_it_is_small(gateway: Serve) -> None:
    modes = {path.name: path.stat().st_mode for path in (gateway.folder / "var").iterdir()}
    assert {"opaska.db", "opaska.db-wal", "opaska.key", "opaska.lock"} <= modes.keys()
    assert not [name for name, mode in modes.items() if stat.S_IMODE(mode) & 0o077]
    assert psutil.Process(gateway.process.pid).memory_info().rss < 120e6
