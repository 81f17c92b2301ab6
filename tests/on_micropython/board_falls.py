# SPDX-License-Identifier: Apache-2.0
# Chip, driver, motion.py and the real senses, without what a fall leads to; run by
# tests/hardware/test_falls_through_the_chip.py. Prints each fall.

import asyncio

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.drivers.lsm6dso import RATE_HZ
from opaska_band.faults import Faults
from opaska_band.motion import Motion
from opaska_band.senses.fall import FallSense


def fell(fall):
    print("fall", uptime.ms())


def troubled():
    print("trouble", faults.count)


uptime = Uptime()
faults = Faults(uptime)
motion = Motion(Board(), uptime, faults, FallSense(RATE_HZ), fell, troubled, lambda: False)
print("ready")
asyncio.run(motion.run())
