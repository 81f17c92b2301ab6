# SPDX-License-Identifier: Apache-2.0
# In place of firmware/main.py: strap, accelerometer and oximeter with all that makes sense of
# them, and nothing else of the band. Prints each alarm and each change of how it is worn. Run by
# opaska_tools.wear.whole.

import asyncio

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime, WallTime
from opaska_band.drivers.lsm6dso import RATE_HZ
from opaska_band.faults import Faults
from opaska_band.guard import keep
from opaska_band.motion import Motion
from opaska_band.senses.fall import FallSense
from opaska_band.settings import Settings
from opaska_band.storage import mount
from opaska_band.vitals import Vitals
from opaska_band.wear import Wear

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PULSE_MINUTES = 2  # so that light has often met skin a moment ago


class Identity:
    generation = 1


class Sos:
    is_on_its_way = False

    def __init__(self):
        self.reports = self

    def furthest(self, boot):
        return None

    def sensed(self, kind, fields):
        print("alarm", kind, fields["why"])


class Reporter:
    boot = 1

    def report(self, kind, fields):
        if "before" in fields:
            print("worn", fields["state"])


class Band:
    def __init__(self):
        self.board = Board()
        self.uptime = Uptime()
        self.wall = WallTime()
        self.faults = Faults(self.uptime)
        self.settings = Settings()
        self.settings.pulse_minutes = PULSE_MINUTES
        self.identity = Identity()
        self.storage = mount(self.board)
        self.signals = None
        self.sos = Sos()
        self.reporter = Reporter()
        self.motion = Motion(
            self.board,
            self.uptime,
            self.faults,
            FallSense(RATE_HZ),
            lambda fall: None,
            lambda: None,
            lambda: False,
        )
        this: "Any" = self  # as much of a band as they ask for
        self.wear, self.vitals = Wear(this), Vitals(this)
        self.wear.optical = self.vitals.on_skin


async def tell_faults():
    while True:
        print("fault", *await band.faults.take())


async def main():
    parts = (("motion", band.motion), ("wear", band.wear), ("vitals", band.vitals))
    tasks = [keep(name, part.run, band.faults) for name, part in parts]
    await asyncio.gather(tell_faults(), *tasks)


band = Band()
print("ready")
asyncio.run(main())
