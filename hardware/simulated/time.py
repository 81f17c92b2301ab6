# SPDX-License-Identifier: Apache-2.0
# MicroPython's `time` as on an ESP32: ticks start at 0 at each start of the board and wrap at
# 2**30; the wall clock counts from 2000, starts there after a loss of power, and may be wrong.

import sys

import clock
import power
import rtc
import utime
from micropython import const

_PERIOD = const(1 << 30)
_HALF = const(1 << 29)
_EPOCH_2000_S = const(946_684_800)  # 2000-01-01 in the host's seconds since 1970
_SPINS = const(
    2000
)  # readings of a clock that stands still, before virtual time gives a loop 1 ms

_begin = clock.now() - power.START.get("ticks", 0)
_spins = 0
_spun_at = 0


def ticks_ms():
    if clock.VIRTUAL:
        _let_time_pass()
    return clock.now() - _begin & _PERIOD - 1


def ticks_us():
    if clock.VIRTUAL:
        return (ticks_ms() * 1000) & _PERIOD - 1
    return utime.ticks_us() & _PERIOD - 1


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return ticks + delta & _PERIOD - 1


def ticks_diff(end, start):
    return (end - start + _HALF & _PERIOD - 1) - _HALF


def sleep_ms(ms):
    clock.sleep(max(0, ms))


def sleep_us(us):
    if us >= 1000:
        clock.sleep(us // 1000)


def sleep(seconds):
    clock.sleep(max(0, int(seconds * 1000)))


def time():
    return rtc.wall_ms() // 1000


def time_ns():
    return rtc.wall_ms() * 1_000_000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000_S)[:8]


localtime = gmtime


def mktime(fields):
    year, month = fields[0], fields[1]
    year -= month <= 2  # years from March, so that the leap day comes last
    month_days = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5
    days = 365 * year + year // 4 - year // 100 + year // 400 + month_days + fields[2] - 1
    return (days - 730_425) * 86_400 + fields[3] * 3600 + fields[4] * 60 + fields[5]


def _let_time_pass():
    # A loop that only reads the clock would stop virtual time for ever.
    global _spins, _spun_at
    if _spun_at != clock.now():
        _spun_at = clock.now()
        _spins = 0
    _spins += 1
    if _spins > _SPINS:
        clock.sleep(1)


# asyncio imports `time` first: from here on it finds our run queue, which reads the ticks above.
sys.modules["_asyncio"] = __import__("tasks")
power.START.clear()  # everybody has taken what is theirs
