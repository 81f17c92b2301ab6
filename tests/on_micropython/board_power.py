# SPDX-License-Identifier: Apache-2.0
# Resets and sleep of the simulated board: each start takes the next step, kept in RTC memory.
# Run by tests/hardware/test_power.py, which knows what each start must be.

import sys
import time

import esp32
import machine
from machine import RTC, Pin

step = RTC().memory()
step = step[0] if step else 0
print("start", step, machine.reset_cause(), machine.wake_reason(), time.gmtime()[0])
RTC().memory(bytes([step + 1]))


def never():
    print("after the end")


if step == 0:
    RTC().datetime((2026, 1, 1, 0, 0, 0, 0, 0))
    try:
        machine.reset()
    except BaseException:
        never()
    finally:
        never()
elif step == 1:
    machine.WDT(timeout=1000)
    for _ in range(300):
        time.sleep_ms(10)  # waits, but feeds nobody
    never()
elif step == 2:
    machine.WDT(timeout=1000)
    while True:  # never waits at all
        pass
elif step == 3:
    machine.deepsleep(200)
elif step == 4:
    esp32.wake_on_ext0(Pin(1, Pin.IN, Pin.PULL_UP), esp32.WAKEUP_ALL_LOW)
    machine.deepsleep()
elif step == 5:
    esp32.wake_on_ext1((Pin(21, Pin.IN), Pin(16, Pin.IN)), esp32.WAKEUP_ANY_HIGH)
    machine.deepsleep(60_000)
elif step == 6:
    begin = time.ticks_ms()
    machine.lightsleep(50)
    assert 50 <= time.ticks_diff(time.ticks_ms(), begin) < 30_000
    machine.soft_reset()
else:
    print("done")
    sys.exit(0)
