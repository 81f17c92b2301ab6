# SPDX-License-Identifier: Apache-2.0
# drivers/eg915u.py and links/cellular.py with a small modem in memory.

import asyncio
import os
import random
import sys
import time

from links_chip import COMMAND, DATA, Chip, Pin
from links_wire import main, until

from opaska_band.drivers import eg915u as driver
from opaska_band.links import cellular
from opaska_band.links.cellular import Cellular, parse_brokers


class PPP:
    """In place of `network` and of its class: up when the modem has a call."""

    PPP = None
    works = True
    made = 0

    def __init__(self, stream):
        self._stream = stream
        PPP.made += 1

    def connect(self):
        pass

    def disconnect(self):
        self._stream.hang_up()

    def isconnected(self):
        return self._stream.state == DATA and PPP.works


class Fast:
    """In place of `time` and `asyncio` in the code under test: its seconds pass quickly."""

    TIMES = 50
    StreamReader = asyncio.StreamReader
    Lock = asyncio.Lock

    def sleep_ms(self, ms):
        return asyncio.sleep_ms(max(1, ms // self.TIMES))

    def open_connection(self, host, port):
        return asyncio.open_connection(host, port)

    def wait_for_ms(self, awaitable, ms):
        return asyncio.wait_for_ms(awaitable, ms)

    def ticks_ms(self):
        return time.ticks_ms() * self.TIMES

    def ticks_diff(self, end, start):
        return end - start

    def ticks_add(self, ticks, ms):
        return ticks + ms


def driven(modem, **pins):
    driver.time = driver.asyncio = cellular.time = cellular.asyncio = Fast()
    return driver.EG915U(modem, **pins)


def linked(modem, brokers):
    PPP.PPP = PPP
    sys.modules["network"] = PPP
    return Cellular(driven(modem, dtr=modem.dtr), brokers)


async def fails(awaitable, words):
    said = "nothing"
    try:
        await awaitable
    except OSError as error:
        said = str(error)
    assert words in said, said


async def test_a_running_modem_attaches_and_tells_the_signal():
    modem = Chip()
    modem.rssi = 11
    one = driven(modem)
    await one.start()
    await one.attach("internet")
    assert one.signal_dbm == -91
    await one.dial()
    await until(lambda: modem.state == DATA)


async def test_a_modem_that_is_off_is_switched_on():
    modem = Chip(on=False)
    one = driven(modem, power_key=modem.power_key, dtr=modem.dtr)
    await one.start()
    assert modem.state == COMMAND


async def test_a_modem_left_in_a_call_by_a_reset_is_brought_back():
    for pins in ({}, {"dtr": None}):
        modem = Chip()
        one = driven(modem)
        await one.start()
        await one.attach()
        await one.dial()
        await until(lambda one=modem: one.state == DATA)
        again = driven(modem, dtr=modem.dtr if pins else None)
        await again.start()
        assert modem.state == COMMAND
        await again.attach()


async def test_without_card_or_network_it_says_so():
    modem = Chip()
    modem.sim = False
    one = driven(modem)
    await one.start()
    await fails(one.attach(), "CME ERROR: 10")
    modem.sim, modem.covered = True, False
    await fails(one.attach(), "no network")
    await fails(one.dial(), "NO CARRIER")


async def test_a_dead_modem_is_no_endless_wait():
    modem = Chip(on=False)
    await fails(driven(modem, power_key=Pin(bool)).start(), "does not answer")  # a broken wire


async def test_what_follows_connect_belongs_to_ppp():
    modem = Chip()
    one = driven(modem)
    await one.start()
    await one.attach()
    modem.after_connect = b"~\xff}#"
    await one.dial()
    assert modem.received == b"~\xff}#", modem.received


async def test_noise_on_the_line_ends_in_a_modem_error():
    random.seed(3)
    words = (b"OK", b"\r\n", b"+CEREG:", b"+CSQ: ", b"ERROR", b",", b"1", b"\xff\x00", b"CONNECT")
    for _ in range(300):
        modem = Chip()
        noise = b"".join([random.choice(words) for _ in range(random.getrandbits(5))])
        modem.write = lambda data, m=modem, n=noise: m.received.extend(n)
        one = driven(modem)
        for ask in (b"AT+CEREG?", b"AT+CSQ"):
            try:
                lines = await one.command(ask, wait_ms=100)
            except OSError:
                continue
            driver._is_registered(lines)
            assert -113 <= (driver._dbm(lines) or -113) <= -51


def test_signal_strength_by_the_standard():
    for answer, dbm in (
        (b"+CSQ: 0,99", -113),
        (b"+CSQ: 31,0", -51),
        (b"+CSQ: 99,99", None),
        (b"+CSQ: x", None),
        (b"", None),
    ):
        assert driver._dbm([answer]) == dbm, answer


def test_registration_by_the_standard():
    for answer, registered in (
        (b"+CEREG: 0,1", True),
        (b"+CEREG: 2,5", True),
        (b'+CEREG: 2,5,"1A2B","01C3D4E5",7', True),
        (b"+CEREG: 0,2", False),
        (b"+CEREG: 0,3", False),
        (b"+CEREG: 1", False),
        (b"+CSQ: 1,1", False),
    ):
        assert driver._is_registered([answer]) == registered, answer


def test_brokers_are_read_or_refused_with_a_sentence():
    assert parse_brokers("a.example:8883") == [("a.example", 8883)]
    assert parse_brokers("10.0.0.1:1, b:2") == [("10.0.0.1", 1), ("b", 2)]
    for text in ("", "a", "a:", ":1", "a:0", "a:65536", "a:x", "a:1,", "a:-1"):
        said = ""
        try:
            parse_brokers(text)
        except ValueError as error:
            said = str(error)
        assert "host:port" in said, text


async def serve(seen):
    """A server that tells its port and counts who comes."""

    async def came(reader, writer):
        seen.append(True)
        await reader.read(1)

    for port in range(20_000 + random.getrandbits(14), 65_000):
        try:
            return await asyncio.start_server(came, "127.0.0.1", port), port
        except OSError:
            continue  # somebody has it
    raise AssertionError("no free port")


async def test_brokers_take_turns():
    seen = [], []
    brokers = []
    for one in seen:
        _, port = await serve(one)
        brokers.append(("127.0.0.1", port))
    link = linked(Chip(), brokers)
    for count in range(6):
        assert not link.attached or count
        _, writer = await link.open_stream()
        assert link.attached
        await until(lambda n=count: len(seen[0]) + len(seen[1]) == n + 1)
        await writer.wait_closed()
    assert (len(seen[0]), len(seen[1])) == (3, 3)
    assert PPP.made == 1


async def test_a_lost_call_is_dialled_again():
    seen = []
    _, port = await serve(seen)
    modem = Chip()
    link = linked(modem, [("127.0.0.1", port)])
    await link.open_stream()
    modem.hang_up()
    assert not link.attached
    await link.open_stream()
    assert PPP.made == 2


class NoNames:
    """In place of `socket`: no name can be resolved."""

    SOCK_STREAM = 1

    def getaddrinfo(*_):
        raise OSError(-202)


async def test_when_nothing_opens_the_call_is_made_anew():
    sys.modules["socket"] = NoNames
    link = linked(Chip(), [("127.0.0.1", 1), ("127.0.0.1", 2)])
    for _ in range(8):
        await fails(link.open_stream(), "-202")
    assert PPP.made == 3


async def test_ppp_that_does_not_come_up_is_given_up():
    PPP.works = False
    modem = Chip()
    link = linked(modem, [("127.0.0.1", 1)])
    await fails(link.open_stream(), "PPP does not")
    PPP.works = True


async def test_a_refused_connection_leaves_no_socket_behind():
    link = linked(Chip(), [("127.0.0.1", 1)])
    await link.attach()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        _, writer = await link.open_stream()
        await writer.wait_closed()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


main(globals())
