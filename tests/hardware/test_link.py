# SPDX-License-Identifier: Apache-2.0
"""The proxy that stands for the radio path: cut, held, reset, slowed, counted."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from opaska_tools.simulator.link import DOWN, UP, LinkProxy
from opaska_tools.simulator.mqtt_watch import Debts
from tests.hardware.test_network import echo_server
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    Streams = tuple[LinkProxy, asyncio.StreamReader, asyncio.StreamWriter]

A_WHILE_S = 0.15


@asynccontextmanager
async def through_a_link() -> AsyncGenerator[Streams]:
    async with echo_server() as address, LinkProxy(address) as link:
        reader, writer = await asyncio.open_connection(*link.address)
        yield link, reader, writer
        writer.close()


async def test_bytes_pass_both_ways_and_are_counted() -> None:
    async with through_a_link() as (link, reader, writer):
        for _ in range(10):
            writer.write(b"x" * 1000)
            assert await reader.readexactly(1000) == b"x" * 1000
        assert link.bytes == [10_000, 10_000]
        assert link.connections == 1


async def test_a_silent_cut_holds_everything_and_loses_nothing() -> None:
    async with through_a_link() as (link, reader, writer):
        link.cut()
        writer.write(b"held")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(4), A_WHILE_S)
        assert link.bytes == [0, 0]
        link.restore()
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"held"


async def test_a_reset_breaks_connections_and_refuses_new_ones() -> None:
    async with through_a_link() as (link, reader, _):
        link.cut("reset")
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        again, writer = await asyncio.open_connection(*link.address)
        with pytest.raises(ConnectionResetError):
            await again.read(1)
        writer.close()
        link.restore()
        again, writer = await asyncio.open_connection(*link.address)
        writer.write(b"back")
        assert await again.readexactly(4) == b"back"
        writer.close()


async def test_what_the_band_gives_up_during_a_silent_cut_the_broker_never_hears_of() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"connected")
        while data := await reader.read(100):
            heard.append(data)
        heard.append(b"closed")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, LinkProxy(server.sockets[0].getsockname()) as link:
        _, before = await asyncio.open_connection(*link.address)
        before.write(b"before")
        await until(lambda: b"before" in heard, "bytes before the cut")
        link.cut()
        _, during = await asyncio.open_connection(*link.address)
        during.write(b"during")
        for writer in (before, during):
            writer.close()
            await writer.wait_closed()
        await until(lambda: not link.open, "both are gone for the link")
        _, waiting = await asyncio.open_connection(*link.address)
        waiting.write(b"waited")
        link.restore()
        await until(lambda: b"waited" in heard, "bytes that waited")
        assert heard == [b"connected", b"before", b"connected", b"waited"]
        assert len(link.orphans) == 1
        waiting.close()
        await link.stop()
        await until(lambda: heard.count(b"closed") == 2, "the end")


async def test_a_slow_link_delays_each_way_and_limits_the_rate() -> None:
    async with through_a_link() as (link, reader, writer):
        link.slow(delay_ms=60)
        begin = time.monotonic()
        writer.write(b"x")
        await reader.readexactly(1)
        assert time.monotonic() - begin >= 0.12
        link.slow(bytes_per_s=10_000)
        begin = time.monotonic()
        for _ in range(2):
            writer.write(b"y" * 1000)
            await writer.drain()
        await reader.readexactly(2000)
        assert time.monotonic() - begin >= 0.2


async def test_both_ends_learn_of_a_close() -> None:
    async with through_a_link() as (link, reader, writer):
        writer.write(b"last")
        await reader.readexactly(4)
        writer.close()
        await until(lambda: not link.open, "the link is empty")


async def test_nobody_behind_the_link_is_a_reset() -> None:
    async with LinkProxy(("127.0.0.1", 1)) as link:
        reader, writer = await asyncio.open_connection(*link.address)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


CONNECT = b"\x10\x02ab"
CONNACK = b"\x20\x02\x00\x00"
PUBLISH_QOS0 = b"\x30\x03\x00\x01t"
PUBLISH_QOS1 = b"\x32\x05\x00\x01t\x00\x07"
PUBACK = b"\x40\x02\x00\x07"
LONG_PUBLISH = b"\x32\xac\x02" + bytes(300)  # 300 = 0x2C | 2 << 7
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_answer_is_owed_until_it_has_come_whatever_the_pieces(size: int) -> None:
    debts = Debts()
    story = [
        (UP, CONNECT, 1),
        (DOWN, CONNACK, 0),
        (UP, PUBLISH_QOS0, 0),
        (UP, PUBLISH_QOS1 + LONG_PUBLISH, 2),
        (DOWN, PUBACK, 1),
        (DOWN, LONG_PUBLISH, 2),
        (UP, PUBACK, 1),
        (UP, PINGREQ, 2),
        (DOWN, PINGRESP + PUBACK, 0),
        (DOWN, PUBACK, 0),  # nobody asked
    ]
    for direction, data, owed in story:
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            debts.came(direction, piece)
            debts.left(direction, piece)
        assert debts.count == owed


def test_a_tls_stream_is_left_alone() -> None:
    debts = Debts()
    hello = b"\x16\x03\x01" + bytes(range(256))
    debts.came(UP, hello)
    debts.left(UP, hello)
    assert debts.count == 0
