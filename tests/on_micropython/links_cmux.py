# SPDX-License-Identifier: Apache-2.0
# drivers/cmux.py with a UART in memory. Frames are bytes as modem makers print them.

import random

from single import main

from opaska_band.drivers import cmux
from opaska_band.drivers.cmux import END, Cmux

OPEN_0, OPEN_1, OPEN_2 = b"\xf9\x03?\x01\x1c\xf9", b"\xf9\x07?\x01\xde\xf9", b"\xf9\x0b?\x01Y\xf9"
YES_0, YES_1, YES_2 = b"\xf9\x03s\x01\xd7\xf9", b"\xf9\x07s\x01\x15\xf9", b"\xf9\x0bs\x01\x92\xf9"
NO_1 = b"\xf9\x07\x1f\x01\xf4\xf9"
ASKED = {OPEN_0: YES_0, OPEN_1: YES_1, OPEN_2: YES_2}
# answer OK on line 1, as the modem sends it: its C/R bit is 0
OK_1 = b"\xf9\x05\xef\x0d\r\nOK\r\n\x5f\xf9"
MODEM_STATUS = b"\xf9\x01\xef\x09\xe3\x05\x07\x8d\x9a\xf9"


class Uart:
    IRQ_RXIDLE = 4096

    def __init__(self, answers=ASKED):
        self.sent = []
        self.received = bytearray()
        self.handler = None
        self._answers = answers

    def write(self, data):
        self.sent.append(bytes(data))
        self.received += self._answers.get(bytes(data), b"")
        return len(data)

    def any(self):
        return len(self.received)

    def read(self, count):
        data = bytes(self.received[:count])
        self.received[:] = self.received[count:]
        return data

    def irq(self, handler, trigger):
        self.handler = handler


async def opened():
    uart = Uart()
    mux = Cmux(uart, 2)
    await mux.open()
    uart.sent.clear()
    return uart, mux


def frame(line, data, control=0xEF):
    head = bytes((line << 2 | 1, control, len(data) << 1 | 1))
    return b"\xf9" + head + data + bytes((cmux._fcs(head), 0xF9))


async def test_lines_are_opened_one_by_one_as_modems_expect():
    uart = Uart()
    mux = Cmux(uart, 2)
    await mux.open()
    assert uart.sent == [OPEN_0, OPEN_1, OPEN_2], uart.sent
    assert [line.is_open for line in mux.lines] == [True] * 3


async def test_a_modem_that_refuses_or_is_silent_is_an_error():
    for answers in ({}, {OPEN_0: YES_0, OPEN_1: NO_1}):
        try:
            await Cmux(Uart(answers), 2).open()
        except OSError:
            continue
        raise AssertionError("opened nothing, and said nothing")


class HoarseUart(Uart):
    """Its first yes to line 1 is lost."""

    def write(self, data):
        if data == OPEN_1 and data not in self.sent:
            self.sent.append(data)
            return len(data)
        return super().write(data)


async def test_a_lost_yes_is_asked_for_again():
    uart = HoarseUart()
    await Cmux(uart, 2).open()
    assert uart.sent == [OPEN_0, OPEN_1, OPEN_1, OPEN_2], uart.sent


async def test_what_is_written_goes_out_in_frames_of_its_line():
    uart, mux = await opened()
    assert mux.lines[1].write(b"AT\r") == 3
    assert uart.sent == [b"\xf9\x07\xef\x07AT\r" + bytes((cmux._fcs(b"\x07\xef\x07"), 0xF9))]
    uart.sent.clear()
    mux.lines[2].write(bytes(300))
    assert [len(sent) for sent in uart.sent] == [133, 133, 52]


async def test_each_line_gets_its_own_bytes_in_pieces_of_any_size():
    for piece in (1, 2, 3, 7, 100):
        uart, mux = await opened()
        stream = (
            OK_1 + frame(2, b"~\xf9PPP\xf9~") + b"\xf9\xf9" + frame(1, b"more") + frame(3, b"x")
        )
        for begin in range(0, len(stream), piece):
            uart.received += stream[begin : begin + piece]
            mux.pump()
        assert mux.lines[1].read() == b"\r\nOK\r\nmore"
        assert mux.lines[2].read() == b"~\xf9PPP\xf9~"
        assert mux.lines[2].read() is None
        assert mux.broken == 0


async def test_modem_status_is_answered_or_some_modems_send_nothing():
    uart, _ = await opened()
    mux = Cmux(uart, 2)
    uart.received += MODEM_STATUS
    mux.pump()
    assert uart.sent == [
        b"\xf9\x03\xef\x09\xe1\x05\x07\x8d" + bytes((cmux._fcs(b"\x03\xef\x09"), 0xF9))
    ]


async def test_a_closed_line_is_known_and_so_is_the_end_of_all():
    uart, mux = await opened()
    uart.received += NO_1
    mux.pump()
    assert [line.is_open for line in mux.lines] == [True, False, True]
    uart.received += END
    mux.pump()
    assert not any([line.is_open for line in mux.lines])


async def test_who_waits_for_bytes_is_called_and_may_read_at_once():
    uart, mux = await opened()
    got = []
    mux.lines[2].irq(lambda line: got.append(line.read()), mux.lines[2].IRQ_RXIDLE)
    uart.received += frame(2, b"ppp") + OK_1
    uart.handler(uart)
    assert got == [b"ppp"]
    assert mux.lines[1].any() == 6


async def test_noise_is_skipped_and_the_next_whole_frames_are_heard():
    random.seed(5)
    for _ in range(60):
        uart, mux = await opened()
        noise = bytes([random.getrandbits(8) for _ in range(random.getrandbits(6))])
        cut = OK_1[: random.getrandbits(3)]
        uart.received += noise + cut + b"\xf9" * 2 + OK_1 * 40
        mux.pump()
        heard = mux.lines[1].read() or b""
        assert heard.endswith(b"\r\nOK\r\n" * 3), (noise, heard)
        assert len(mux._buffer) <= 140


async def test_flipped_bits_cost_frames_and_never_more():
    random.seed(6)
    stream = frame(1, b"one") + frame(2, b"two") + frame(1, b"three")
    for _ in range(100):
        uart, mux = await opened()
        spoiled = bytearray(stream)
        spoiled[random.randrange(len(stream))] ^= 1 << random.getrandbits(3)
        uart.received += spoiled + OK_1 * 12
        mux.pump()
        assert (mux.lines[1].read() or b"").endswith(b"OK\r\n")


main(globals())
