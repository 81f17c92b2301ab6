# SPDX-License-Identifier: Apache-2.0
"""`opaska simulate`: a band under somebody's fingers, and clear words when it cannot be."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from typer.testing import CliRunner

from opaska_tools.cli import app
from opaska_tools.simulator.identity import read_nvs
from tests.hardware.conftest import needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

OPASKA = Path(sys.executable).with_name("opaska")
WAIT_S = 20.0


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, keys: int) -> None:
        self.process = process
        self._keys = keys

    def type(self, key: str) -> None:
        os.write(self._keys, key.encode())

    async def line(self, text: str) -> str:
        """The next line with this text."""
        assert self.process.stdout
        async with asyncio.timeout(WAIT_S):
            while raw := await self.process.stdout.readline():
                if text in raw.decode():
                    return raw.decode()
        raise AssertionError(f"ended before it said {text!r}")


@asynccontextmanager
async def simulating(*options: str) -> AsyncGenerator[Terminal]:
    keys, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        OPASKA, "simulate", *options, stdin=terminal, stdout=asyncio.subprocess.PIPE
    )
    os.close(terminal)
    try:
        yield Terminal(process, keys)
    finally:
        os.close(keys)
        if process.returncode is None:
            process.kill()
        await process.wait()


@needs_micropython
async def test_a_band_is_pressed_broken_and_left_by_keys(tmp_path: Path) -> None:
    async with simulating("--folder", str(tmp_path / "band")) as terminal:
        await terminal.line("no identity")
        await terminal.line("leave")
        await terminal.line("led_blue")
        band = psutil.Process(terminal.process.pid).children()
        for key, said in (
            ("s", "pressed SOS"),
            ("l", "cut the link"),
            ("l", "restored the link"),
            ("x", "out of the network"),
            ("b", "battery at 50 %"),
            ("c", "on the charger"),
            ("t", "took it off"),
            ("t", "put it on"),
            ("k", "cut the strap"),
            ("w", "an hour on"),
            ("f", "lies still (63 s)"),
            ("m", "sits down hard"),
            ("h", "hold SOS down"),
            ("p", "power off"),
            ("p", "power on"),
            ("?", "lose the network"),
        ):
            terminal.type(key)
            await terminal.line(said)
        terminal.type("q")
        assert await asyncio.wait_for(terminal.process.wait(), WAIT_S) == 0
    assert band
    assert not [child for child in band if child.is_running()]


def test_a_bundle_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "band.json"
    wrong.write_text('{"kid": "xyz"}')
    for options in (["--bundle", str(wrong)], ["--broker", "nowhere"]):
        result = CliRunner().invoke(app, ["simulate", *options])
        assert result.exit_code == 2
        assert len(result.stderr.strip().splitlines()) == 1
        assert "opaska bands add" in result.stderr or "write HOST:PORT" in result.stderr


@needs_micropython
async def test_a_bundle_gives_the_band_its_identity(tmp_path: Path) -> None:
    bundle = tmp_path / "band.json"
    identity = {"kid": "00" * 8, "key": "11" * 16, "generation": 2, "label": "7"}
    bundle.write_text(json.dumps(identity))
    folder = tmp_path / "band"
    options = ("--folder", str(folder), "--bundle", str(bundle), "--broker", "127.0.0.1:9")
    async with simulating(*options) as terminal:
        await terminal.line("led_blue")
        terminal.type("q")
        await asyncio.wait_for(terminal.process.wait(), WAIT_S)
    values = read_nvs(folder)["opaska"]
    assert (values["kid"], values["key"], values["gen"]) == ("00" * 8, "11" * 16, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: run it on Linux")
@needs_micropython
async def test_a_killed_simulator_takes_its_band_with_it(tmp_path: Path) -> None:
    async with simulating("--folder", str(tmp_path / "band")) as terminal:
        await terminal.line("led_blue")
        (band,) = psutil.Process(terminal.process.pid).children()
        terminal.process.kill()
        await asyncio.to_thread(psutil.wait_procs, [band], WAIT_S)
        assert not band.is_running()
