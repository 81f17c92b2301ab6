# SPDX-License-Identifier: Apache-2.0
# drivers/eg915u.py and links/cellular.py with a small modem in memory.

import asyncio
import os
import random
import sys
import time

from links_chip import COMMAND, DATA, Chip, Pin, SharingChip, SleepyChip
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


class SharedPPP(PPP):
    """Listens to its stream, and lets go of it, as network.PPP does."""

    chip = None
    on = (0, 1, 2)  # numbers of the lines over which it comes up

    def connect(self):
        self._stream.irq(self.poll, self._stream.IRQ_RXIDLE)

    def poll(self, stream):
        self._stream.read(256)

    def disconnect(self):
        self._stream.irq(None)

    def isconnected(self):
        return self.chip.state == DATA and self.chip.call in self.on


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


class FastBlocking(Fast):
    """In place of `time` where it blocks."""

    def sleep_ms(self, ms):
        time.sleep_ms(max(1, ms // self.TIMES))


def driven(modem, **pins):
    driver.time = FastBlocking()
    driver.asyncio = cellular.time = cellular.asyncio = Fast()
    return driver.EG915U(modem, **pins)


def linked(modem, brokers):
    PPP.PPP = PPP
    sys.modules["network"] = PPP
    return Cellular(driven(modem, dtr=modem.dtr), brokers)


def sharing(brokers=(("127.0.0.1", 1),), on=(0, 1, 2)):
    chip = SharingChip()
    link = linked(chip, brokers)
    PPP.PPP = SharedPPP
    SharedPPP.chip, SharedPPP.on = chip, on
    return chip, link


async def attached(link, tries):
    """Whether it attaches within so many tries."""
    for _ in range(tries):
        try:
            await link.attach()
        except OSError:
            continue
        return link.attached
    return False


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


async def test_a_lost_call_over_a_shared_port_is_dialled_again():
    chip, link = sharing()
    await link.attach()
    assert chip.call == 2
    assert link.modem.can_talk
    for _ in range(3):
        chip.hang_up()
        assert not link.attached
        await link.attach()
        assert chip.call == 2
        assert link.attached


async def test_a_port_whose_lines_are_shut_or_deaf_is_used_alone():
    for shut, deaf in (((0,), ()), ((2,), ()), ((), (1,)), ((), (2,)), ((), (1, 2))):
        chip, link = sharing()
        chip.shut, chip.deaf = shut, deaf
        assert await attached(link, 2), (shut, deaf)
        assert chip.call == 0
        assert not link.modem.can_talk
        chip.hang_up()
        assert await attached(link, 1), (shut, deaf)


async def test_a_modem_that_stays_deaf_when_it_shares_is_restarted_and_not_asked_to_again():
    chip, link = sharing()
    chip.shut, chip.deaf = (1,), (0,)
    await fails(link.attach(), "")
    chip.restart()  # by PWRKEY
    await link.attach()
    assert chip.call == 0


async def test_ppp_that_comes_up_over_the_bare_port_alone_gets_it():
    chip, link = sharing(on=(0,))
    assert await attached(link, 2)
    assert chip.call == 0


async def test_no_coverage_is_no_reason_to_stop_sharing():
    chip, link = sharing()
    chip.covered = False
    await fails(link.attach(), "no network")
    chip.covered = True
    await link.attach()
    assert link.modem.can_talk


async def test_a_modem_that_was_left_in_the_middle_of_a_frame_hears_the_band_again():
    chip, link = sharing()
    await link.attach()
    for rest in (1, 4, 60, 127):  # bytes that the frame is still to have
        chip.write(b"\xf9\x0b\xef" + bytes((127 << 1 | 1,)) + bytes(127 - rest))
        chip.irq(None)  # of the band before its reset
        pressed = []
        again = driven(chip, power_key=Pin(pressed.append))
        await again.start()
        assert again.can_talk, rest
        assert not pressed, "that would have switched it off"


async def test_a_line_that_the_modem_closes_and_a_modem_that_restarts_are_no_link():
    for happen in (lambda chip: chip.close(2), lambda chip: chip.restart()):
        chip, link = sharing()
        await link.attach()
        SharedPPP.isconnected = lambda self: True  # it does not see that
        assert link.attached
        happen(chip)
        assert not link.attached
        await link.attach()
        assert link.attached


async def test_who_asks_beside_ppp_is_refused_while_ppp_has_the_port_alone():
    chip, link = sharing(on=(0,))
    assert await attached(link, 2)
    chip.received.extend(b"~ppp~")
    await fails(link.modem.ask(b"AT+QGPS?"), "no line")
    assert chip.received == b"~ppp~"


async def test_a_question_that_waits_while_the_call_is_lost_delays_it_by_a_second_at_most():
    chip, link = sharing()
    await link.attach()
    chip.deaf = (1,)
    asking = asyncio.create_task(fails(link.modem.ask(b"AT+QGPS?"), "no answer"))
    await asyncio.sleep_ms(0)
    late = asyncio.create_task(fails(link.modem.ask(b"AT+QGPS?"), "no line"))
    await asyncio.sleep_ms(0)
    chip.deaf = ()
    chip.hang_up()
    await link.attach()
    assert link.attached
    await asking
    await late


async def dozing():
    chip = SleepyChip()
    link = linked(chip, [("127.0.0.1", 1)])
    PPP.PPP = SharedPPP
    SharedPPP.chip, SharedPPP.on = chip, (2,)
    link.modem = driven(chip, power_key=chip.power_key, dtr=chip.dtr, ring=chip.ring)
    await link.attach()
    return chip, link


async def test_after_a_quiet_time_it_may_sleep_and_is_woken_before_it_is_spoken_to():
    chip, link = await dozing()
    assert link.modem.is_awake
    for _ in range(3):
        await until(lambda: not link.modem.is_awake)
        assert chip.asleep
        assert link.attached, "the call goes on"
        await link.modem.ask(b"AT+QGPS?")
        assert link.modem.is_awake
    assert chip.lost == b""


async def test_a_modem_that_rings_or_speaks_is_listened_to():
    chip, link = await dozing()
    for happen in (chip.ring.fall, lambda: (chip.side.send(2, 0xEF, b"~ppp~"), chip._ring())):
        await until(lambda: not link.modem.is_awake)
        assert chip.asleep
        happen()
        assert link.modem.is_awake
        assert not chip.asleep


async def test_a_modem_that_knows_no_sleep_is_held_awake():
    chip, link = sharing()
    await link.attach()
    await asyncio.sleep_ms(200)  # 10 s
    assert link.modem.is_awake
    assert chip.state == DATA, "DTR would have ended the call"


async def test_a_modem_left_asleep_by_a_reset_is_woken_and_dials_anew():
    chip, link = await dozing()
    await until(lambda: not link.modem.is_awake)
    assert chip.asleep
    chip.irq(None)
    link.modem = driven(chip, dtr=chip.dtr, ring=chip.ring)
    chip.dtr.value(0)  # as the board's pin is made
    await link.attach()
    assert link.attached
    await until(lambda: not link.modem.is_awake)
    assert chip.asleep


async def test_without_a_network_it_searches_in_its_sleep_and_is_looked_after_now_and_then():
    chip, link = await dozing()
    chip.covered = False
    chip.hang_up()
    for takes_s in (90, 20, 20):
        begin = time.ticks_ms()
        await fails(link.attach(), "no network")
        took_s = time.ticks_diff(time.ticks_ms(), begin) * Fast.TIMES // 1000
        assert takes_s <= took_s < takes_s + 20, took_s
        await until(lambda: not link.modem.is_awake)
        assert chip.asleep
    chip.covered = True
    await link.attach()
    assert link.attached


async def test_a_modem_that_cannot_be_woken_is_restarted_and_soon_held_awake():
    chip, link = await dozing()
    chip.is_cut = True
    for _ in range(2):
        await until(lambda: not link.modem.is_awake)
        assert await attached(link, 4)
    await asyncio.sleep_ms(200)  # 10 s
    assert link.modem.is_awake
    assert link.attached


async def test_a_refused_connection_leaves_no_socket_behind():
    link = linked(Chip(), [("127.0.0.1", 1)])
    await link.attach()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        _, writer = await link.open_stream()
        await writer.wait_closed()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


main(globals())
