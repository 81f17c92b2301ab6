# SPDX-License-Identifier: Apache-2.0
# Ticks and wall clock of the simulated board; run by tests/hardware/test_board.py.

import time

from machine import RTC

WEEK_MS = 7 * 86_400_000

assert time.gmtime(0)[:6] == (2000, 1, 1, 0, 0, 0), "an ESP32 counts from 2000"
assert time.time() < 60, "no battery behind the clock: it starts at power-up"
assert time.ticks_ms() < 60_000, "ticks start with the board"

half = 1 << 29
assert time.ticks_add(0, -1) == (1 << 30) - 1
assert time.ticks_diff(5, (1 << 30) - 5) == 10, "ticks wrap after 12.4 days"
assert time.ticks_diff(half - 1, 0) == half - 1
try:
    time.ticks_add(0, WEEK_MS)
    raise AssertionError("more than half a period")
except OverflowError:
    pass

moment = (2024, 2, 29, 23, 59, 58, 3, 60)
assert time.mktime(moment) == 762_566_398
assert time.gmtime(762_566_398) == moment
for year in range(2000, 2100):
    for month in range(1, 13):
        assert time.gmtime(time.mktime((year, month, 28, 1, 2, 3, 0, 0)))[:3] == (year, month, 28)

RTC().datetime((2026, 3, 4, 0, 5, 6, 7, 0))
assert time.gmtime()[:6] == (2026, 3, 4, 5, 6, 7)
assert RTC().datetime()[:7] == (2026, 3, 4, 2, 5, 6, 7)

print("ready")
ticks, wall = time.ticks_ms(), time.time()
while abs(time.time() - wall) < 1000:
    time.sleep_ms(5)
    assert 0 <= time.ticks_diff(time.ticks_ms(), ticks) < 60_000
assert time.time() - wall <= -3590, time.time() - wall
assert time.ticks_diff(time.ticks_ms(), ticks) < 60_000, "the shift moved the ticks"
print("done")
