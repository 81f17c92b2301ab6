# SPDX-License-Identifier: Apache-2.0
# sleep.py on the simulated processor, which hears nothing while it sleeps. The world acts by
# alarms of the simulated clock. Run by tests/hardware/test_sleep.py, once for each test below.

import asyncio
import asyncio.core
import sys

import buses
import clock
import machine
import pins
import power
from machine import PWM, UART, Pin

from opaska_band.boards.band_v1 import Board
from opaska_band.clock import Uptime
from opaska_band.drivers.button import Button
from opaska_band.faults import Faults
from opaska_band.sleep import Sleep

BUTTON, INT1, OXIMETER, LOOP, RING, CHARGER = 1, 14, 15, 16, 21, 41
LOWS = (INT1, OXIMETER, RING)
HOUR_MS = 3_600_000


class Racing:
    """A poller: the world acts when the firmware has looked, and before it sleeps."""

    def __init__(self, poller):
        self.act = None
        self.register = poller.register
        self.modify = poller.modify
        self.unregister = poller.unregister
        self.ipoll = poller.ipoll
        self._poll = poller.poll

    def poll(self, ms):
        ready = self._poll(ms)
        act, self.act = self.act, None
        if act:
            act()
        return ready


class World:
    def __init__(self):
        self.board = Board()
        self.faults = Faults(Uptime())
        self.button = Button(self.board.sos_button)
        self.is_held = False
        self.heard = []  # (ms, what, level)
        self.was_closed = False
        self.tasks = []
        self.flag = asyncio.ThreadSafeFlag()
        self.button.on_edge = self.flag.set
        self.poller = Racing(asyncio.core._io_queue.poller)
        asyncio.core._io_queue.poller = self.poller
        Sleep(self).begin()

    def needs_clocks(self):
        return self.is_held

    def listen(self, pin, name):
        flag = asyncio.ThreadSafeFlag()
        if name == CHARGER:
            pin.handler = lambda _: flag.set()
        else:
            pin.irq(lambda _: flag.set())

        async def tell():
            while True:
                await flag.wait()
                self.heard.append((clock.now(), name, pin.value()))

        self.tasks.append(asyncio.create_task(tell()))

    async def edges(self, count):
        """The button's next changes, as its task sees them: it may be told the same twice."""
        found = []
        while len(found) < count:
            edge = self.button.take()
            if edge:
                if self.was_closed != edge[0]:
                    found.append((clock.now(), edge[0]))
                self.was_closed = edge[0]
            else:
                await self.flag.wait()
        return found


def drive(after_ms, gpio, level):
    clock.after(after_ms, lambda: pins.drive(gpio, level))
    return clock.now() + after_ms


def slept_ms():
    return machine.slept[0]


async def test_whoever_waits_is_asleep_and_wakes_in_time(world):
    for wait_ms in (9, 10, 11, 1_000, 59_999, 60_000, 60_001, 10 * 60_000):
        begin, slept = clock.now(), slept_ms()
        await asyncio.sleep_ms(wait_ms)
        assert clock.now() - begin == wait_ms
        assert slept_ms() - slept == wait_ms - (wait_ms % 60_000 if wait_ms % 60_000 < 10 else 0)


async def test_press_in_sleep_is_seen_at_once_and_so_is_its_end(world):
    for at_ms in (1, 10, 15_000, 123_457):
        down, up = drive(at_ms, BUTTON, 0), drive(at_ms + 600, BUTTON, None)
        assert await world.edges(2) == [(down, True), (up, False)]
    assert slept_ms() > 138_000


async def test_press_while_falling_asleep_is_seen_at_once(world):
    for _ in range(20):
        await asyncio.sleep_ms(50)
        world.poller.act = lambda: pins.drive(BUTTON, 0)
        begin = clock.now()
        assert await world.edges(1) == [(begin, True)]
        pins.drive(BUTTON, None)
        await world.edges(1)


async def test_contact_that_bounces_in_sleep_and_after_it_is_one_press(world):
    for at_ms in (1_000, 30_001):
        down = drive(at_ms, BUTTON, 0)
        for more_ms in (1, 2, 3, 4):  # open, closed, open, closed
            drive(at_ms + more_ms, BUTTON, None if more_ms % 2 else 0)
        found = await world.edges(1)
        assert found == [(down, True)]
        await asyncio.sleep_ms(20)
        assert world.button.is_closed()
        up = drive(100, BUTTON, None)
        assert (await world.edges(5))[-1] == (up, False)


async def test_each_pin_that_goes_low_is_heard_at_once_and_again_after_it_was_let_go(world):
    board = world.board
    names = (board.imu_int1, board.oximeter_int, board.modem_ring)
    pins.drive(OXIMETER, None)  # low since it has power
    for at, pin in enumerate(names):
        world.listen(pin, LOWS[at])
    wanted = []
    for at, gpio in enumerate(LOWS * 3):
        at_ms = 5_000 * (at + 1)
        wanted.append((drive(at_ms, gpio, 0), gpio, 0))
        wanted.append((drive(at_ms + 900, gpio, None), gpio, 1))
    await asyncio.sleep_ms(60_000)
    ends = [one for one in world.heard if one[2]]
    begins = [one for one in world.heard if not one[2]]
    assert begins == [one for one in wanted if not one[2]], world.heard
    assert len(ends) <= 9  # a release may be seen late: nobody waits for it


async def test_pin_that_stays_low_costs_no_sleep_and_the_others_are_heard(world):
    world.listen(world.board.imu_int1, INT1)
    drive(1_000, INT1, 0)
    await asyncio.sleep_ms(5_000)
    slept = slept_ms()
    down = drive(45_000, BUTTON, 0)
    assert await world.edges(1) == [(down, True)]
    assert slept_ms() - slept == 45_000
    assert len(world.heard) == 1


async def test_button_that_is_jammed_costs_no_sleep_and_what_comes_after_it_is_seen_at_once(world):
    """Whoever needs the processor awake in a press says so."""
    pins.drive(LOOP, 0)
    world.listen(world.board.strap_loop, LOOP)
    down = drive(1_000, BUTTON, 0)
    assert await world.edges(1) == [(down, True)]
    slept, begin = slept_ms(), clock.now()
    drive(1_800_000, LOOP, 1)
    up = drive(HOUR_MS, BUTTON, None)
    again, end = drive(HOUR_MS + 700, BUTTON, 0), drive(HOUR_MS + 1_300, BUTTON, None)
    assert await world.edges(3) == [(up, False), (again, True), (end, False)]
    assert slept_ms() - slept >= clock.now() - begin - 100
    [(heard_ms, _, _)] = world.heard
    assert heard_ms - begin <= 1_800_000 + 60_000, "the strap is heard when it wakes next"


async def test_pin_that_nobody_hears_wakes_nobody(world):
    drive(1_000, RING, 0)
    times = machine.slept[1]
    await asyncio.sleep_ms(50_000)
    assert machine.slept[1] - times == 1


async def test_strap_and_charger_wake_by_each_change(world):
    pins.drive(LOOP, 0)
    world.listen(world.board.strap_loop, LOOP)
    world.listen(world.board.charger_status, CHARGER)
    wanted = []
    for at_ms in range(3_000, 50_000, 12_000):
        wanted.append((drive(at_ms, LOOP, 1), LOOP, 1))
        wanted.append((drive(at_ms + 3_000, CHARGER, 0), CHARGER, 0))
        wanted.append((drive(at_ms + 6_000, LOOP, 0), LOOP, 0))
        wanted.append((drive(at_ms + 9_000, CHARGER, None), CHARGER, 1))
    await asyncio.sleep_ms(60_000)
    assert world.heard == wanted, world.heard


async def test_bytes_are_lost_in_sleep_and_not_while_it_is_held(world):
    uart = UART(1, tx=Pin(17), rx=Pin(18))
    clock.after(5_000, lambda: buses.receive(17, b"abc"))
    await asyncio.sleep_ms(10_000)
    assert uart.read() is None, "the simulation is true to the chip"
    world.listen(world.board.modem_ring, RING)
    clock.after(4_000, lambda: setattr(world, "is_held", True))  # as whoever hears RI does
    drive(4_000, RING, 0)
    clock.after(4_120, lambda: buses.receive(17, b"abc"))
    await asyncio.sleep_ms(10_000)
    assert uart.read() == b"abc"


async def test_nobody_sleeps_while_held_and_soon_after_it_is_over(world):
    motor = PWM(Pin(2), freq=200, duty_u16=30_000)
    world.is_held = True
    slept = slept_ms()
    clock.after(7_300, lambda: setattr(world, "is_held", False))
    await asyncio.sleep_ms(7_000)
    assert slept_ms() == slept
    motor.duty_u16(0)
    await asyncio.sleep_ms(10_000)
    assert slept_ms() - slept >= 9_000


async def test_watchdog_that_is_fed_lets_it_sleep_for_an_hour(world):
    watchdog = machine.WDT(timeout=30_000)

    async def feed():
        while True:
            watchdog.feed()
            await asyncio.sleep_ms(15_000)

    world.tasks.append(asyncio.create_task(feed()))
    await asyncio.sleep_ms(HOUR_MS)
    assert slept_ms() == HOUR_MS


async def test_sleep_that_is_refused_is_one_fault_and_time_goes_on(world):
    machine.lightsleep = lambda ms: None
    begin = clock.now()
    await asyncio.sleep_ms(8 * 60_000)
    assert clock.now() - begin == 8 * 60_000
    assert world.faults.count == 1
    assert (await world.faults.take())[:2] == (9, "sleep refused")
    down = drive(100, BUTTON, 0)
    assert await world.edges(1) == [(down, True)]


async def test_sleep_that_fails_is_told_once_an_hour_and_the_button_is_heard_awake(world):
    def fail(ms):
        pins.fall_asleep()  # and never comes to its end
        pins.wake_up()
        raise OSError("no sleep")

    machine.lightsleep = fail
    await asyncio.sleep_ms(HOUR_MS - 1)
    assert (await world.faults.take())[:2] == (9, "sleep")
    assert world.faults.count <= 6
    assert not world.faults.note(9, "sleep"), "not so soon again"
    down = drive(100, BUTTON, 0)
    assert await world.edges(1) == [(down, True)]


async def test_sleep_that_failed_once_is_tried_again_after_some_minutes(world):
    """As for want of memory: a band that stayed awake for good would be empty in hours."""
    lightsleep = machine.lightsleep

    def fail(ms):
        machine.lightsleep = lightsleep
        raise MemoryError()

    machine.lightsleep = fail
    await asyncio.sleep_ms(11 * 60_000)
    slept = slept_ms()
    await asyncio.sleep_ms(60_000)
    assert slept_ms() - slept == 60_000


with open(power.path("test")) as file:
    name = file.read()
world = World()
asyncio.run(globals()[name](world))
print("passed")
sys.exit(0)
