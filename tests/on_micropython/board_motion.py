# SPDX-License-Identifier: Apache-2.0
# motion.py with its real driver on the simulated board; run by tests/hardware/test_motion.py. The
# sense is a small one: more than 2.5 g is a fall, which it tells four seconds later. Pressing the
# SOS button keeps the processor busy for 15 s; pulling pin 47 down puts the clock an hour on.

import asyncio
import time

from machine import Pin

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.faults import Faults
from opaska_band.motion import Motion


class Fall:
    def __init__(self, ago_samples):
        self.ago_samples = ago_samples


class Sense:
    watching = False
    wait_ms = 0

    def __init__(self):
        self.forget()

    def forget(self):
        self.fed = 0
        self.since = None
        self.watching = False

    def feed(self, x_mg, y_mg, z_mg):
        self.fed += 1
        if self.since is not None:
            self.since += 1
            if self.since == 206:
                self.forget()
                return Fall(206)
        elif x_mg * x_mg + y_mg * y_mg + z_mg * z_mg > 2500 * 2500:
            self.watching = True
            self.since = 0
        return None


charger = Pin(41, Pin.IN, Pin.PULL_UP)


def is_urgent():
    return charger.value() == 0


class LeapingUptime(Uptime):
    def ms(self):
        return super().ms() + leapt_ms


def say(*words):
    print(uptime.ms() - leapt_ms, *words)


def fell(fall):
    say("fall")


async def tell_faults():
    while True:
        code, detail, _ = await faults.take()
        say("fault", code, detail)


async def tell_motion():
    told = None
    while True:
        now = (motion.stillness.activity, motion.window.is_full)
        if now != told:
            told = now
            say("now", *now)
        if motion.window.is_full:
            window = motion.window
            rows = [window.row(number) for number in range(window.count)]
            peak = max([x * x + y * y + z * z for x, y, z in rows])
            first = [x * x + y * y + z * z for x, y, z in rows].index(peak)
            say("window", window.count, window.impact, first, int(peak**0.5), rows[0])
            window.release()
        await asyncio.sleep_ms(1000)


async def tell_trouble():
    told = ""
    while True:
        if motion.trouble != told:
            told = motion.trouble
            say("trouble", told)
        await asyncio.sleep_ms(500)


async def tell_often():
    while True:
        await asyncio.sleep(600)
        say("wakes", motion.wakes, motion.still_s())


async def meddle():
    global leapt_ms  # noqa: PLW0603 - a script
    button = Pin(1, Pin.IN, Pin.PULL_UP)
    free = Pin(47, Pin.IN, Pin.PULL_UP)
    while True:
        if button.value() == 0:
            time.sleep_ms(15_000)
        if free.value() == 0 and not leapt_ms:
            leapt_ms = 3_600_000
        await asyncio.sleep_ms(200)


async def main():
    await asyncio.gather(
        motion.run(), tell_faults(), tell_motion(), tell_trouble(), tell_often(), meddle()
    )


leapt_ms = 0
uptime = LeapingUptime()
faults = Faults(uptime)
motion = Motion(Board(), uptime, faults, Sense(), fell, lambda: say("felt"), is_urgent)
print("ready")
asyncio.run(main())
