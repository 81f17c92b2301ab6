# SPDX-License-Identifier: Apache-2.0
# links/cellular.py with real sockets and a real thread, and therefore in real time. The modem is
# in memory and answers at once.

import _thread
import asyncio
import os
import random
import socket
import sys
import time

from links_chip import Chip
from links_ppp import PPP, fails, linked
from single import main


class Server:
    """Counts who comes."""

    def __init__(self):
        self.seen = 0
        self.port = 0
        self._came = asyncio.Event()

    async def start(self):
        for port in range(20_000 + random.getrandbits(14), 65_000):
            try:
                await asyncio.start_server(self._serve, "127.0.0.1", port)
            except OSError:
                continue  # somebody has it
            self.port = port
            return
        raise AssertionError("no free port")

    async def has_seen(self, count):
        while self.seen < count:
            self._came.clear()
            await self._came.wait()

    async def _serve(self, reader, writer):
        self.seen += 1
        self._came.set()
        await reader.read(1)


async def test_brokers_take_turns():
    servers = [Server(), Server()]
    for server in servers:
        await server.start()
    link = linked(Chip(), [("127.0.0.1", server.port) for server in servers])
    for count in range(6):
        assert not link.attached or count
        _, writer = await link.open_stream()
        assert link.attached
        await servers[count % 2].has_seen(count // 2 + 1)
        await writer.wait_closed()
    assert [server.seen for server in servers] == [3, 3]
    assert PPP.made == 1


class Names:
    """In place of `socket`, as an ESP32's: the network's answer comes over PPP, which is served
    between the steps of the thread that connected it."""

    SOCK_STREAM = socket.SOCK_STREAM
    socket = socket.socket
    main = _thread.get_ident()
    is_silent = False
    served = 0
    asked = 0

    def getaddrinfo(*where):
        host, port = where[:2]
        if host == "127.0.0.1":
            return socket.getaddrinfo(host, port)
        Names.asked += 1
        served = Names.served
        while Names.served == served:
            if Names.is_silent or _thread.get_ident() == Names.main:
                raise OSError(-202)
            time.sleep_ms(10)
        return [(2, 1, 0, "", ("127.0.0.1", port))]

    async def serve():
        while True:
            Names.served += 1
            await asyncio.sleep_ms(5)


async def test_a_brokers_name_is_resolved_while_ppp_is_served():
    server = Server()
    await server.start()
    link = linked(Chip(), [("broker.example", server.port)])
    sys.modules["socket"] = Names
    serving = asyncio.create_task(Names.serve())
    await link.open_stream()
    await server.has_seen(1)
    serving.cancel()
    Names.is_silent = True
    await link.open_stream()  # what was known before is good enough
    await server.has_seen(2)
    assert Names.asked == 2
    unknown = linked(Chip(), [("other.example", server.port)])
    await fails(unknown.open_stream(), "other.example")


async def test_a_refused_connection_leaves_no_socket_behind():
    link = linked(Chip(), [("127.0.0.1", 1)])
    await link.attach()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        _, writer = await link.open_stream()
        await writer.wait_closed()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


main(globals())
