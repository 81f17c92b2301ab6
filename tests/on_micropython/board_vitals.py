# SPDX-License-Identifier: Apache-2.0
# vitals.py with its real driver and sense on the simulated board; run by
# tests/hardware/test_vitals.py. Of the rest of a band there is what it asks for: while the SOS
# button is held an alarm is open, while it charges the arm moves, while the strap's loop is open
# the band is not worn, while the gauge alerts no report can be made; pin 47 pulled down is an
# order to measure, pin 48 a wearer who is never measured else. A limit is set at 50 and at 120
# beats, and at 88 %.

import asyncio

from machine import Pin

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.faults import Faults
from opaska_band.guard import keep
from opaska_band.obey import obey
from opaska_band.storage import Storage
from opaska_band.vitals import Vitals
from opaska_protocol.orders import MEASURE, Order

charger = Pin(41, Pin.IN, Pin.PULL_UP)
strap = Pin(16, Pin.IN)
gauge = Pin(40, Pin.IN, Pin.PULL_UP)
ordered = Pin(47, Pin.IN, Pin.PULL_UP)
never = Pin(48, Pin.IN, Pin.PULL_UP)


def say(*words):
    print(band.uptime.ms(), *words)


class Settings:
    hr_low = 50
    hr_high = 120
    spo2_low = 88

    @property
    def pulse_minutes(self):
        return 20 if never.value() else 0


class Wear:
    @property
    def is_worn(self):
        return strap.value() == 0


class Motion:
    def still_s(self):
        return 0 if charger.value() == 0 else 60


class Sos:
    def __init__(self):
        self.reports = self

    @property
    def is_on_its_way(self):
        return band.board.sos_button.value() == 0

    def furthest(self, boot):
        return 0

    def sensed(self, kind, fields):
        say("alarm", kind, fields["why"])


class Reporter:
    boot = 1

    def report(self, kind, fields):
        if gauge.value() == 0:
            raise MemoryError
        names = ("why", "heart_rate_bpm", "spo2_percent", "quality_percent")
        say("vitals", kind, *[fields[name] for name in names])


class Band:
    def __init__(self):
        self.board = Board()
        self.uptime = Uptime()
        self.faults = Faults(self.uptime)
        self.settings = Settings()
        self.wear = Wear()
        self.motion = Motion()
        self.sos = Sos()
        self.reporter = Reporter()
        self.storage = Storage(None)
        self.heartbeat = None
        self.last_dseq = 0


async def tell_faults():
    while True:
        code, detail, _ = await band.faults.take()
        say("fault", code, detail)


async def tell_contact():
    """Only while the arm moves: somebody asks whether there has been skin since then."""
    since_ms = None
    while True:
        if charger.value():
            since_ms = None
        else:
            since_ms = band.uptime.ms() if since_ms is None else since_ms
            say("contact", vitals.on_skin(since_ms))
            say("trouble", vitals.trouble)
        await asyncio.sleep_ms(1_000)


async def order():
    while True:
        if ordered.value() == 0:
            obey(band, Order(band.last_dseq + 1, MEASURE, {}))
            await asyncio.sleep(60)
        await asyncio.sleep_ms(1_000)


async def main():
    vitals_run = keep("vitals", vitals.run, band.faults)
    await asyncio.gather(vitals_run, tell_faults(), tell_contact(), order())


band = Band()
vitals = Vitals(band)
print("ready")
asyncio.run(main())
