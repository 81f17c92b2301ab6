# SPDX-License-Identifier: Apache-2.0
# Light sleep: asyncio waits in its poller, so that is where the processor sleeps, unless something
# needs its clocks. In light sleep no interrupt comes, PWM, UART, timers and watchdog stand still,
# and memory stays as it is.
#
# Who needs the clocks says so by a hold, a function that is true meanwhile. What ends a sleep:
#   its time is over           the next task is due
#   a pin goes low             ext1: button, accelerometer, oximeter, modem
#   the strap's loop changes   ext0, by the level that it has not
#   so does the charger        wake_on_gpio, since that pin is out of the RTC's reach
# A pin that is low already is left out: sleep would be refused, and whoever hears it is at work.
# Nor is one listened to that nobody hears any more, since it chatters.
#
# When sleep is refused again and again, or fails, that is told, and the processor waits awake, for
# some minutes or for good: an SOS needs no sleep.

import asyncio.core
import time

import esp32
import machine
from micropython import const

from opaska_protocol.reports import TASK_FAILED

from .guard import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from .boards.band_v1 import Board
    from .faults import Faults

_LEAST_MS = const(10)  # below, falling asleep and waking up would take longer
_LONGEST_MS = const(60_000)
_AWAKE_MS = const(500)  # then the holds are asked again
_LOWS = const(4)  # pins of ext1
_REFUSED_MS = const(5)  # a sleep that was over sooner, and not by a pin, was refused
_MOST_REFUSED = const(20)
_REST_MS = const(600_000)  # awake, after so many
_REFUSED = const("sleep refused")


class Sleep:
    """In place of asyncio's poller from `begin` on. `holds`: nobody sleeps while one is true."""

    def __init__(self, board: "Board", faults: "Faults", holds: "list[Callable[[], Any]]") -> None:
        self._pins = (
            board.sos_button,
            board.imu_int1,
            board.oximeter_int,
            board.modem_ring,
            board.strap_loop,
            board.charger_status,
        )
        self._faults = faults
        self.holds = holds
        self._refused = 0  # sleeps in a row
        self._awake_ms = 0  # still to be awake, since sleep was refused; < 0: for good
        self._armed: "list[Any]" = []

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
        if self._must_wake():
            wait_ms = min(wait_ms, _AWAKE_MS)
            self._awake_ms -= min(wait_ms, max(self._awake_ms, 0))
            return self._poller.poll(wait_ms)
        try:
            return self._sleep(wait_ms)
        except Exception as error:
            self._awake_ms = -1
            failed("sleep", error, self._faults)
            return self._poller.poll(0)

    def _must_wake(self) -> bool:
        if self._awake_ms or not self._pins[0].value():  # the button is down
            return True
        for hold in self.holds:
            if hold():
                return True
        return False

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
                pin.after_sleep()
        is_asleep = time.ticks_diff(time.ticks_ms(), begun) >= _REFUSED_MS
        for pin in self._pins:
            is_asleep = pin.tell() or is_asleep
        self._refused = 0 if is_asleep else self._refused + 1
        if self._refused >= _MOST_REFUSED:
            self._give_up()
        return self._poller.poll(0)

    def _give_up(self) -> None:
        self._refused, self._awake_ms = 0, _REST_MS
        self._faults.note(TASK_FAILED, _REFUSED)

    def _arm(self) -> None:
        armed = self._armed
        armed.clear()
        for pin in self._pins[:_LOWS]:
            if pin.before_sleep() and pin.handler:
                armed.append(pin.pin)
        esp32.wake_on_ext1(armed, esp32.WAKEUP_ALL_LOW)  # on an ESP32-S3 it is any of them
        loop, charger = self._pins[_LOWS:]
        is_high = loop.before_sleep()
        esp32.wake_on_ext0(loop.pin if loop.handler else None, not is_high)
        is_high = charger.before_sleep()
        esp32.wake_on_gpio((charger.pin,) if charger.handler else (), not is_high)
