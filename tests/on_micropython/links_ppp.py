# SPDX-License-Identifier: Apache-2.0
# The modem's driver and the cellular link on a modem in memory (links_chip.py).

import asyncio
import sys
import time

from flash_device import Nvs, Power
from links_chip import DATA, TERM, SharingChip

from opaska_band.drivers.eg915u import EG915U
from opaska_band.links.cellular import Cellular
from opaska_band.links.line_trial import LineTrial


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
        if self._stream:
            self._stream.hang_up()

    def config(self, stream):
        self._stream = stream

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
        if self._stream:
            self._stream.irq(None)

    def config(self, stream):
        self.disconnect()
        super().config(stream)

    def isconnected(self):
        return self.chip.state == DATA and self.chip.call in self.on


class BlindPPP(SharedPPP):
    """As lwIP's, which asks for no echo: a call that has ended looks as before. It says its end
    twice, and lets go of its stream when nobody answered."""

    def isconnected(self):
        return True

    def disconnect(self):
        self._say_end()
        self._ending = asyncio.create_task(self._end())

    def config(self, stream):
        super().disconnect()
        PPP.config(self, stream)

    async def _end(self):
        await asyncio.sleep_ms(6_000)
        self._say_end()
        await asyncio.sleep_ms(6_000)
        super().disconnect()

    def _say_end(self):
        if self._stream:
            self._stream.write(TERM)


def linked(modem, brokers):
    PPP.PPP = PPP
    sys.modules["network"] = PPP
    driver = EG915U(modem, power_key=modem.power_key, dtr=modem.dtr)
    return Cellular(driver, LineTrial(Nvs({}, Power()), True), brokers)


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


async def takes_ms(awaitable):
    begin = time.ticks_ms()
    await awaitable
    return time.ticks_diff(time.ticks_ms(), begin)


async def fails(awaitable, words):
    said = "nothing"
    try:
        await awaitable
    except OSError as error:
        said = str(error)
    assert words in said, said
