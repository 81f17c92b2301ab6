# SPDX-License-Identifier: Apache-2.0
# The board's only notion of time: `now()` in ms, alarms of the simulated parts, and the one place
# where the board waits. Real time is the host's monotonic clock, which the supervisor shares; in
# virtual time the clock service says what time it is, and moves it when everybody waits; a script
# without a supervisor moves it itself.

import os

import control
import power
import uselect
import utime
from uselect import POLLIN

VIRTUAL = os.getenv("OPASKA_SIM_CLOCK") == "virtual"

_now = power.START.get("now", 0)  # ms, virtual time only
_token = power.START.get("token", 0)  # echoed in reports, so that old ones cannot be mistaken
_alarms = []  # [due_ms, function], not sorted: there are few


def now():
    """ms since an arbitrary start that does not change while the simulation lasts."""
    return _now if VIRTUAL else utime.ticks_ms()


def after(ms, function):
    """Call `function()` once, `ms` from now, while the firmware waits. Returns the alarm."""
    alarm = [now() + ms, function]
    _alarms.append(alarm)
    return alarm


def cancel(alarm):
    """Forget an alarm; one that rang is forgotten already."""
    if alarm in _alarms:
        _alarms.remove(alarm)


def sleep(ms, until=None):
    """Block the firmware, not the board; < 0: for ever. `until()` ends it sooner."""
    _sleeper.wait(ms, until)


class poll:
    """select.poll. Streams written in Python change only while we wait for others, so they are
    asked by us: MicroPython would look at them every millisecond."""

    def __init__(self):
        self._poller = uselect.poll()
        self._python = {}  # id -> [stream, mask]
        self._ready = []
        if control.link:
            self._poller.register(control.link, POLLIN)

    def register(self, stream, mask=5):
        if hasattr(stream, "ioctl"):
            self._python[id(stream)] = [stream, mask]
        else:
            self._poller.register(stream, mask)

    def modify(self, stream, mask):
        if id(stream) in self._python:
            self._python[id(stream)][1] = mask
        else:
            self._poller.modify(stream, mask)

    def unregister(self, stream):
        if self._python.pop(id(stream), None) is None:
            self._poller.unregister(stream)

    def poll(self, ms=-1, flags=0):
        self.wait(ms)
        return self._ready

    ipoll = poll

    def wait(self, ms, until=None):
        """Until a stream is ready, or `ms` have passed; < 0: for ever."""
        end = None if ms < 0 else now() + ms
        while True:
            wake = _ring()
            self._look(0)
            if self._ready or (until and until()):
                return
            if end is not None:
                if now() >= end:
                    return
                wake = end if wake is None else min(wake, end)
            if VIRTUAL:
                control.report(-1 if wake is None else wake, _token)
                self._look(-1 if control.link else 0)
            else:
                self._look(-1 if wake is None else max(0, wake - now()))

    def _look(self, ms):
        self._ready = []
        for entry in self._python.values():
            events = entry[0].ioctl(3, entry[1])
            if events:
                self._ready.append((entry[0], events))
        for stream, events in self._poller.ipoll(0 if self._ready else ms):
            if stream is control.link:
                control.receive()
            else:
                self._ready.append((stream, events))


def _ring():
    """Ring what is due; returns when the next alarm is, or None."""
    while True:
        first = None
        for alarm in _alarms:
            if first is None or alarm[0] < first[0]:
                first = alarm
        if first is None or first[0] > now():
            return first and first[0]
        _alarms.remove(first)
        first[1]()


def _set(now_ms, token):
    global _now, _token
    _now = now_ms
    _token = token


control.on_time.append(_set)
_sleeper = poll()
