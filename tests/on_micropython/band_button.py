# SPDX-License-Identifier: Apache-2.0
# sos_button.py: no press may be lost between the contact and the SOS.

import asyncio
import time

from band_support import faults, settle
from single import main

from opaska_band.clock import Uptime
from opaska_band.guard import keep
from opaska_band.sos_button import SosButton
from opaska_protocol.reports import HOLD, THREE_PRESSES


class Button:
    """A contact under a finger; `edges` are those that the interrupt kept."""

    def __init__(self):
        self.on_edge = None
        self.closed = False
        self.edges = []

    def is_closed(self):
        return self.closed

    def take(self):
        return self.edges.pop(0) if self.edges else None

    def edge(self, closed, ticks):
        self.closed = closed
        self.edges.append((closed, ticks))
        self.on_edge()


class Signals:
    def __init__(self, broken=False):
        self.broken = broken
        self.felt = []

    def hold(self, hold_ms):
        self._feel(hold_ms)

    def released(self):
        self._feel("released")

    def _feel(self, what):
        self.felt.append(what)
        if self.broken:
            raise MemoryError()


class Hand:
    """A SosButton that runs, and what it raised."""

    def __init__(self, hold_ms=60, signals=None):
        self.button = Button()
        self.uptime = Uptime()
        self.raised = []
        self.signals = signals or Signals()
        self.watch = SosButton(
            self.button, self.uptime, hold_ms, self.raised.append, self.signals, faults()
        )
        self.task = asyncio.create_task(self.watch.run())

    def press(self, closed):
        self.button.edge(closed, self.uptime._ticks)


async def test_hold_is_an_sos_and_is_felt_from_its_begin():
    hand = Hand(hold_ms=1_000)
    await settle()
    hand.press(True)
    await settle(100)
    assert (hand.signals.felt, hand.raised) == ([1_000], [])
    await settle(1_200)
    assert hand.raised == [HOLD]


async def test_short_presses_are_felt_and_the_third_is_an_sos():
    hand = Hand(hold_ms=1_000)
    for _ in range(3):
        for closed in (True, False):
            hand.uptime.ms()
            hand.press(closed)
            await settle(100)
    assert hand.signals.felt == [1_000, "released", 1_000, "released"], hand.signals.felt
    assert hand.raised == [THREE_PRESSES]


async def test_broken_vibration_cannot_cost_a_press_its_sos():
    hand = Hand(hold_ms=0, signals=Signals(broken=True))
    await settle()
    hand.press(True)
    await settle(300)
    assert hand.raised == [HOLD]


async def test_an_sos_that_cannot_be_raised_is_raised_when_the_task_begins_anew_and_once():
    hand = Hand()
    tried = []

    def without_memory(trigger):
        tried.append(trigger)
        if len(tried) < 2:
            raise MemoryError()

    hand.watch._on_sos = without_memory
    running = asyncio.create_task(keep("button", hand.watch.run, faults()))
    hand.button.edge(True, time.ticks_ms())
    await settle(2_000)
    assert tried == [HOLD, HOLD], tried
    running.cancel()


async def test_press_whose_interrupt_was_lost_is_noticed_at_the_next_look():
    hand = Hand()
    await settle(10)
    hand.button.closed = True
    hand.button.on_edge()
    await settle(300)
    assert hand.raised == [HOLD]


async def test_the_modem_hears_of_a_touch_before_it_is_even_certain():
    hand = Hand(hold_ms=10_000)
    touches = []
    hand.watch.on_touch = lambda: touches.append(hand.signals.felt[:])
    await settle()
    assert touches == []
    hand.press(True)
    await settle(100)
    assert touches[0] == []
    assert hand.raised == []


main(globals())
