# SPDX-License-Identifier: Apache-2.0
# MicroPython's `machine` as on an ESP32-S3. Pins and PWM are in pins.py, buses in buses.py,
# ADC and touch in analog.py; what is connected to them is the affair of wiring.py, on the other
# end of the control line.

import hashlib

import clock
import control
import pins
import power
import rtc
from analog import ADC, TouchPad  # noqa: F401
from buses import I2C, UART  # noqa: F401
from micropython import const
from pins import PWM, Pin  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4
PIN_WAKE = 2
TOUCHPAD_WAKE = 5
ULP_WAKE = 6
SoftI2C = I2C
_FAR_MS = const(1 << 50)
_freq = 160_000_000
_clocked = []  # alarms that stand still in light sleep: of the watchdog and of timers
slept = [0, 0, clock.now()]  # ms and times that we were asleep; when the last one began


def reset():
    power.end({"reset": HARD_RESET})


def soft_reset():
    power.end({"reset": SOFT_RESET})


def reset_cause():
    return power.cause


def wake_reason():
    return power.wake


def deepsleep(ms=0):
    if any(waker[2] == pins.BY_GPIO for waker in pins.wakers):
        raise ValueError("DEEPSLEEP with gpio pins not supported on this chip")
    power.end({"sleep": ms, "wakers": pins.wakers})


def lightsleep(ms=-1):
    """No interrupt, no byte of a UART, no timer until it ends: after `ms`, or by the level of a
    pin, at once if it is there already. What the RTC watched stays with it until `Pin.init`."""
    slept[2] = clock.now()
    for alarm in _clocked:
        alarm[0] += _FAR_MS
    pins.fall_asleep()
    clock.sleep(ms, pins.woken)
    is_storm = pins.wake_up()
    took_ms = clock.now() - slept[2]
    for alarm in _clocked:
        alarm[0] += took_ms - _FAR_MS
    slept[0] += took_ms
    slept[1] += 1
    if is_storm:
        power.end({"reset": WDT_RESET})


def idle():
    clock.sleep(0)


def freq(hz=None):
    global _freq
    if hz is not None:
        _freq = hz
    return _freq


def unique_id():
    return hashlib.sha256(power.path("")).digest()[:6]


def note(name):
    """Only here: tells whoever holds the board which signal for the wearer begins."""
    control.send({"t": clock.now(), "note": name})


class WDT:
    """Resets the board when nobody feeds it, whatever the firmware is waiting for."""

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError()
        if timeout < 1000:
            raise ValueError("WDT timeout too short")
        self._timeout = timeout
        self._alarm = None
        control.send({"watchdog_ms": timeout})  # the supervisor sees to loops that never wait
        self.feed()

    def feed(self):
        if self._alarm is None:
            self._alarm = clock.after(self._timeout, self._bite)
            _clocked.append(self._alarm)
        self._alarm[0] = clock.now() + self._timeout

    def _bite(self):
        power.end({"reset": WDT_RESET})


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **settings):
        self._alarm = None
        if settings:
            self.init(**settings)

    def init(self, *, mode=PERIODIC, freq=-1, period=-1, callback=None, hard=False):
        self.deinit()
        self._period = 1000 // freq if freq > 0 else period
        self._mode = mode
        self._callback = callback
        self._start()

    def deinit(self):
        if self._alarm:
            clock.cancel(self._alarm)
            _clocked.remove(self._alarm)
            self._alarm = None

    def _start(self):
        self._alarm = clock.after(self._period, self._ring)
        _clocked.append(self._alarm)

    def _ring(self):
        _clocked.remove(self._alarm)
        self._alarm = None
        if self._mode == Timer.PERIODIC:
            self._start()
        if self._callback:
            self._callback(self)


class RTC:
    def __init__(self, id=0):
        pass

    def datetime(self, fields=None):
        import time

        if fields is not None:
            year, month, day, _, hour, minute, second, us = fields
            seconds = time.mktime((year, month, day, hour, minute, second, 0, 0))
            rtc.set_wall_ms(seconds * 1000 + us // 1000)
        now = time.gmtime()
        return now[:3] + (now[6],) + now[3:6] + (rtc.wall_ms() % 1000 * 1000,)

    init = datetime

    def memory(self, data=None):
        if data is not None:
            if len(data) > rtc.MEMORY_BYTES:
                raise ValueError("buffer too long")
            rtc.memory = bytes(data)
            rtc.save()
        return rtc.memory


def _obey(name, value):
    if name != "slept":
        return False
    running_ms = clock.now() - slept[2] if pins.asleep else 0
    control.send({"asked": value, "slept_ms": slept[0] + running_ms, "sleeps": slept[1]})
    return True


control.add(_obey)
