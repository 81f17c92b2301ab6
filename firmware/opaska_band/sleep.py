# SPDX-License-Identifier: Apache-2.0
# Light sleep: asyncio waits in its poller, so that is where the processor sleeps, unless something
# needs its clocks. In light sleep no interrupt comes, PWM, UART, timers and watchdog stand still,
# and memory stays as it is.
#
# What ends a sleep:
#   its time is over           the next task is due
#   a pin goes low             ext1: button, accelerometer, oximeter, modem
#   the strap's loop changes   ext0, by the level that it has not; the button, while that is down
#   so does the charger        wake_on_gpio, since that pin is out of the RTC's reach
# A pin that is low already is left out: sleep would be refused, and whoever hears it is at work.
# Of a button that is jammed the end is waited for, and the strap is seen at the next wake-up.
# Nor is one listened to that nobody hears any more, since it chatters. After a sleep each pin is
# made an input again, since the RTC keeps those that it has watched, and whoever hears its edges
# is told of the one that came meanwhile.
#
# When sleep is refused again and again, or fails, that is told, and the processor waits awake for
# some minutes: an SOS needs no sleep.

import asyncio.core  # pyright: ignore[reportMissingImports] - its stubs are in one file
import time

import esp32
import machine
from machine import Pin
from micropython import const

from opaska_protocol.reports import TASK_FAILED

from .guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LEAST_MS = const(10)  # below, falling asleep and waking up would take longer
_LONGEST_MS = const(60_000)
_AWAKE_MS = const(500)  # then the holds are asked again
_BUTTON = const(0)  # places
_LOOP = const(4)  # those before are of ext1
_CHARGER = const(5)
_REFUSED_MS = const(5)  # a sleep that was over sooner, and not by a pin, was refused
_MOST_REFUSED = const(20)
_REST_MS = const(600_000)  # awake, after so many, or after a failure
_REFUSED = const("sleep refused")


class Sleep:
    """In place of asyncio's poller from `begin` on; nobody sleeps while `band.needs_clocks()`."""

    def __init__(self, band: "Any") -> None:
        board = band.board
        self._band = band
        self._pins = (
            board.sos_button,
            board.imu_int1,
            board.oximeter_int,
            board.modem_ring,
            board.strap_loop,
            board.charger_status,
        )
        self._levels = bytearray(len(self._pins))  # before this sleep
        self._armed: "list[Any]" = []
        self._refused = 0  # sleeps in a row
        self._awake_ms = 0  # still to be awake, since sleep was refused or has failed

    def begin(self) -> None:
        """From now on."""
        queue: "Any" = getattr(asyncio.core, "_io_queue")  # noqa: B009 - no private name of ours
        self._poller: "Any" = queue.poller
        self.register = self._poller.register
        self.modify = self._poller.modify
        self.unregister = self._poller.unregister
        self.ipoll = self._wait
        queue.poller = self

    def _wait(self, wait_ms: int) -> "Any":
        """As a poller's ipoll: what is ready, after at most `wait_ms`; < 0: not before it is."""
        if 0 <= wait_ms < _LEAST_MS:
            return self._poller.ipoll(wait_ms)
        while True:
            ready = self._turn(_LONGEST_MS if wait_ms < 0 else min(wait_ms, _LONGEST_MS))
            if ready or wait_ms >= 0:  # whoever waits so long asks again
                return ready

    def _turn(self, wait_ms: int) -> "Any":
        """What is ready, perhaps after less than that."""
        if self._awake_ms or self._band.needs_clocks():
            wait_ms = min(wait_ms, _AWAKE_MS)
            self._awake_ms -= min(wait_ms, self._awake_ms)
            return self._poller.poll(wait_ms)
        try:
            return self._sleep(wait_ms)
        except Exception as error:
            self._awake_ms = _REST_MS
            failed("sleep", error, self._band.faults)
            return self._poller.poll(0)

    def _sleep(self, wait_ms: int) -> "Any":
        """First the pins, then a look at what is ready: an edge in between ends the sleep by its
        level, an earlier one has been heard."""
        self._arm()
        ready = self._poller.poll(0)
        if ready:
            return ready
        begun = time.ticks_ms()
        try:
            machine.lightsleep(wait_ms)
        finally:
            for pin in self._pins:
                pin.pin.init(Pin.IN, pin.pull)  # takes it back from the RTC
        took_ms = time.ticks_diff(time.ticks_ms(), begun)
        if self._tell() or took_ms >= _REFUSED_MS:
            self._refused = 0
        else:
            self._refused += 1
            if self._refused >= _MOST_REFUSED:
                self._refused, self._awake_ms = 0, _REST_MS
                self._band.faults.note(TASK_FAILED, _REFUSED)
        return self._poller.poll(0)

    def _arm(self) -> None:
        levels, armed = self._levels, self._armed
        armed.clear()
        for at, pin in enumerate(self._pins):
            levels[at] = pin.value()
            if at < _LOOP and levels[at] and pin.handler:
                armed.append(pin.pin)
        esp32.wake_on_ext1(armed, esp32.WAKEUP_ALL_LOW)  # on an ESP32-S3 it is any of them
        other, charger = _LOOP if levels[_BUTTON] else _BUTTON, self._pins[_CHARGER]
        pin = self._pins[other]
        esp32.wake_on_ext0(pin.pin if pin.handler else None, not levels[other])
        esp32.wake_on_gpio((charger.pin,) if charger.handler else (), not levels[_CHARGER])

    def _tell(self) -> bool:
        """Whether a level has changed meanwhile; then its edge is told."""
        is_any = False
        for at, pin in enumerate(self._pins):
            level = pin.value()
            if level != self._levels[at]:
                is_any = True
                if pin.handler and pin.trigger & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
                    pin.handler(pin)
        return is_any
