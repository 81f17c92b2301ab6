# SPDX-License-Identifier: Apache-2.0
"""The band's only way out is modem, PPP and proxy; each can fail, and the firmware sees how."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.hardware.conftest import halted, needs_micropython

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.hardware.conftest import Boards

pytestmark = needs_micropython


@asynccontextmanager
async def echo_server() -> AsyncGenerator[tuple[str, int]]:
    """Sends back what it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


@pytest.mark.parametrize("way", ["coverage", "reset"])
async def test_there_is_no_socket_without_ppp_and_none_survives_its_end(
    board: Boards, way: str
) -> None:
    async with echo_server() as address, board("network", broker_address=address) as band:
        await band.wait_log("waiting")
        assert await band.wait_event(ppp=True)
        if way == "coverage":
            await band.modem(covered=False)
        else:
            band.link.cut("reset")
            await band.wait_log("broken")
            band.link.restore()
            await band.modem(covered=False)
        assert await band.wait_event(ppp=False)
        await band.wait_log("down")
        await band.modem(covered=True)
        lines = await halted(band)
    assert lines[0] == "echoed b'hello'"
    assert "broken 104" in lines  # ECONNRESET
    assert any(line.startswith("down -6") and "NO CARRIER" in line for line in lines)
    assert lines[-2:] == ["echoed b'again'", "done"]


async def test_a_power_cut_does_not_close_the_brokers_end(board: Boards) -> None:
    async with echo_server() as address, board("network", broker_address=address) as band:
        await band.wait_log("waiting")
        await band.power_cut()
        await asyncio.sleep(0.05)
        assert len(band.link.orphans) == 1
        assert not band.link.open
    assert not band.link.orphans


async def test_without_a_network_the_modem_does_not_dial(board: Boards) -> None:
    async with board("network", on=False) as band:
        await band.modem(covered=False)
        await band.start()
        await asyncio.sleep(1)
        assert not band.log
        assert band.link.connections == 0
