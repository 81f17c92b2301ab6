# SPDX-License-Identifier: Apache-2.0
# motion.py where the simulated board cannot go: a bus that dies between two transfers, a task that
# fails, a processor that is slow. The chip is a list of what its FIFO gives next.

from band_support import codes, faults, settle
from single import main

from opaska_band import motion as motion_module
from opaska_band.motion import Motion
from opaska_protocol.reports import MOTION_SENSOR

REST = (0, 0, 1_000)
FELL = (0, 0, 4_000)  # the sense below calls it a fall


class Uptime:
    now = 0

    def ms(self):
        return self.now


class Chip:
    """`gives` what each transfer brings; then it is `dead`."""

    def __init__(self, *_):
        self.overrun = False
        self.gives = []
        self.raised = False

    def watch(self):
        pass

    doze = watch

    def is_raised(self):
        return self.raised

    def take_wake(self):
        self.raised = False

    def waiting(self):
        if not self.gives:
            raise OSError(5)
        return len(self.gives[0])

    def read(self, into):
        if not self.gives:
            raise OSError(5)
        samples = self.gives.pop(0)
        for at, sample in enumerate(samples):
            into[3 * at : 3 * at + 3] = motion_module.array("h", sample)
        return len(samples)


class Sense:
    watching = False
    wait_ms = 0
    takes_ms = 0

    def forget(self):
        pass

    def feed(self, x_mg, y_mg, z_mg):
        if (x_mg, y_mg, z_mg) != FELL:
            return None
        Uptime.now += self.takes_ms
        return self

    ago_samples = 205


class Board:
    i2c = imu_int1 = None


def made():
    """Motion on a chip that gives nothing yet, and the falls that it tells."""
    fell = []
    told = faults()
    motion = Motion(Board(), Uptime(), told, Sense(), fell.append, lambda: None, lambda: False)
    motion._chip = Chip()
    return motion, fell, told


async def test_fall_is_told_even_if_the_bus_dies_after_its_last_sample():
    motion, fell, _ = made()
    motion._chip.gives = [[REST] * 15 + [FELL]]
    try:
        await motion._drain()
    except OSError:
        pass
    assert len(fell) == 1


def fail():
    raise MemoryError


async def test_task_that_fails_while_dozing_does_not_leave_the_arm_still_for_ever():
    motion, _, _ = made()
    motion_module.LSM6DSO = Chip
    motion._start()
    motion._woken.set()
    motion._chip.watch = fail
    try:
        await motion._doze()
    except MemoryError:
        pass
    motion._start()
    Uptime.now += 3_600_000
    assert motion.still_s() == 0


async def test_time_that_a_decision_takes_is_no_wrong_rate():
    motion, fell, told = made()
    Sense.takes_ms = 700
    Uptime.now = 1_500
    samples = [REST] * 70 + [FELL] + [REST] * 7 + [REST] * 36  # of 1.5 s, and of 0.7 s
    motion._chip.gives = [samples[at : at + 16] for at in range(0, len(samples), 16)]
    await motion._drain()
    assert len(fell) == 1
    assert codes(told) == []


async def test_overrun_is_a_fault_even_if_the_arm_has_rested_before():
    motion, _, told = made()
    motion._dozed = True
    motion._chip.gives = [[REST] * 3, [REST] * 3]
    await motion._drain()
    assert codes(told) == [], "nothing was lost"
    motion._chip.overrun = True
    await motion._drain()
    assert codes(told) == [MOTION_SENSOR]
    await settle()


main(globals())
