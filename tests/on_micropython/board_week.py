# SPDX-License-Identifier: Apache-2.0
# A week of virtual time; run by tests/hardware/test_virtual_time.py.

import asyncio
import time

import machine

DAY_S = 86_400


async def feed(watchdog):
    while True:
        watchdog.feed()
        await asyncio.sleep(20)


async def main():
    feeding = asyncio.create_task(feed(machine.WDT(timeout=30_000)))
    begin = time.ticks_ms()
    for day in range(7):
        await asyncio.sleep(DAY_S)
        late_ms = time.ticks_diff(time.ticks_ms(), time.ticks_add(begin, DAY_S * 1000))
        begin = time.ticks_ms()
        print("day", day + 1, time.time(), late_ms)
    while time.ticks_diff(time.ticks_ms(), begin) < 10:
        pass  # a loop that only looks at the clock must not stop it
    time.sleep(2)  # noqa: ASYNC251 - blocking code lives in virtual time, too
    feeding.cancel()
    print("done", time.ticks_diff(time.ticks_ms(), begin))


asyncio.run(main())
