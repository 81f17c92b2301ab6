# SPDX-License-Identifier: Apache-2.0
# wear.py with its real driver, sense and decision on the simulated board; run by
# tests/hardware/test_wear.py. Of the rest of a band there is what it asks for. It is always day,
# and the arm moves while the loop is closed. While the gauge alerts, converter and touch sensor
# fail, and while the SOS button is held no report can be made.

import asyncio

from machine import Pin

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.faults import Faults
from opaska_band.guard import keep
from opaska_band.storage import mount
from opaska_band.wear import Wear

gauge = Pin(40, Pin.IN, Pin.PULL_UP)


def say(*words):
    print(band.uptime.ms(), *words)


class Failing:
    """A converter, or a touch sensor, as MicroPython's own tell of a failure."""

    def __init__(self, part):
        self._part = part

    def read_uv(self):
        if gauge.value() == 0:
            raise OSError(116)
        return self._part.read_uv()

    def read(self):
        if gauge.value() == 0:
            raise ValueError("Touch pad error")
        return self._part.read()


class Circuit(Board):
    @property
    def strap_sense(self):
        return Failing(Board().strap_sense)

    @property
    def strap_pad(self):
        return Failing(Board().strap_pad)


class Settings:
    strap_profile = 2
    wear_alarm = True
    inactive_hours = 0
    awake_from, awake_to, utc_offset_min = 0, 1_439, 0


class Identity:
    generation = 1


class Wall:
    def report(self, uptime_ms):
        return [1, 1_767_268_800 + uptime_ms // 1_000 % 36_000, 0]


class Motion:
    on_moved = None

    def hurry(self):
        pass

    def rest_s(self):
        return self.still_s()

    def still_s(self):
        return 0 if band.board.strap_loop.value() == 0 else 60


class Sos:
    def sensed(self, kind, fields):
        say("alarm", kind, fields["why"])


class Reporter:
    def report(self, kind, fields):
        if band.board.sos_button.value() == 0:
            raise MemoryError
        say("wear", fields["state"], fields["before"])


class Signals:
    def play(self, name):
        say("note", name)


class Band:
    def __init__(self):
        self.board = Circuit()
        self.uptime = Uptime()
        self.faults = Faults(self.uptime)
        self.settings = Settings()
        self.identity = Identity()
        self.storage = mount(self.board)
        self.wall = Wall()
        self.motion = Motion()
        self.sos = Sos()
        self.reporter = Reporter()
        self.signals = Signals()
        self.vitals = None


async def tell_faults():
    while True:
        code, detail, _ = await band.faults.take()
        say("fault", code, detail)


async def tell_beats():
    while True:
        await asyncio.sleep(60)
        fields = {}
        wear.tell(fields)
        say("beat", fields.get("wear"), wear.trouble.replace(" ", "_") or None)


async def main():
    await asyncio.gather(keep("wear", wear.run, band.faults), tell_faults(), tell_beats())


band = Band()
wear = Wear(band)
print("ready")
asyncio.run(main())
