# SPDX-License-Identifier: Apache-2.0
# In place of firmware/main.py: chip, driver, motion.py, the senses of falls and of knocks, and
# nothing else of the band. Prints every minute how often the processor has slept and drained the
# chip, and each fall, and each time that it was knocked on twice. Run by opaska_tools.bench.wakes.

import asyncio

import clock

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.drivers.lsm6dso import RATE_HZ
from opaska_band.faults import Faults
from opaska_band.motion import Motion
from opaska_band.senses.fall import FallSense
from opaska_band.senses.knock import Knock

wakes = 0
wait = clock.poll.wait


def counted(self, ms, until=None):
    global wakes
    before_ms = clock.now()
    wait(self, ms, until)
    wakes += clock.now() > before_ms


async def tell():
    global wakes
    while True:
        await asyncio.sleep(60)
        wakes -= 1  # this one
        print("counts", uptime.ms(), wakes, motion.wakes)


async def main():
    await asyncio.gather(motion.run(), tell())


clock.poll.wait = counted
uptime = Uptime()
motion = Motion(
    Board(),
    uptime,
    Faults(uptime),
    FallSense(RATE_HZ),
    lambda fall: print("fall", uptime.ms()),
    lambda: print("trouble", uptime.ms()),
    lambda: False,
)
motion.knocks, motion.on_knock = Knock(), lambda: print("knock", uptime.ms())
print("ready")
asyncio.run(main())
