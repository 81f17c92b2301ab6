# SPDX-License-Identifier: Apache-2.0
# The board's only notion of time: `now()` in ms, alarms of the simulated parts, and the one place
# where the board waits. Real time is the host's monotonic clock, which the supervisor shares; in
# virtual time the clock service says what time it is, and moves it when everybody waits.

import os

import control
import power
import uselect
import utime

VIRTUAL = os.getenv("OPASKA_SIM_CLOCK") == "virtual"

_now = power.START.get("now", 0)  # ms, virtual time only
_token = power.START.get("token", 0)  # echoed in reports, so that old ones cannot be mistaken
_alarms = []  # [due_ms, function], not sorted: there are few


def now():
    """ms since an arbitrary start that does not change while the simulation lasts."""
    return _now if VIRTUAL else utime.ticks_ms()


def utc_s():
    """The true time, that no clock setting on the band can move (for the network's clock)."""
    return power.START.get("utc_s", 0) + _now // 1000 if VIRTUAL else int(utime.time())


def after(ms, function):
    """Call `function()` once, `ms` from now, while the firmware waits. Returns the alarm."""
    alarm = [now() + ms, function]
    _alarms.append(alarm)
    return alarm


def cancel(alarm):
    """Forget an alarm; one that rang is forgotten already."""
    if alarm in _alarms:
        _alarms.remove(alarm)


def new_poller():
    """A select.poll that also hears the control line."""
    poller = uselect.poll()
    if control.link:
        poller.register(control.link, uselect.POLLIN)
    return poller


def wait(poller, ms):
    """Wait until a stream of `poller` is ready, or `ms` have passed; < 0: for ever."""
    end = None if ms < 0 else now() + ms
    while True:
        wake = _ring()
        if _poll(poller, 0):
            return
        if end is not None:
            if now() >= end:
                return
            wake = end if wake is None else min(wake, end)
        if VIRTUAL:
            control.report(-1 if wake is None else wake, _token)
            ready = _poll(poller, -1)
        else:
            ready = _poll(poller, -1 if wake is None else max(0, wake - now()))
        if ready:
            return


def sleep(ms):
    """Block the firmware, not the board."""
    wait(_sleeper, ms)


def _poll(poller, ms):
    ready = False
    for stream, _ in poller.ipoll(ms):
        if stream is control.link:
            control.receive()
        else:
            ready = True
    return ready


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


control.on_time = _set
_sleeper = new_poller()
