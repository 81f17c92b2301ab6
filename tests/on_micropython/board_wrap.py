# SPDX-License-Identifier: Apache-2.0
# The ticks wrap while asyncio sleeps; run by tests/hardware/test_virtual_time.py.

import asyncio
import time

HOUR_MS = 3_600_000


async def main():
    wraps = 0
    before = time.ticks_ms()
    for _ in range(24):
        await asyncio.sleep_ms(HOUR_MS)
        now = time.ticks_ms()
        assert time.ticks_diff(now, before) == HOUR_MS, (before, now)
        wraps += now < before
        before = now
    print("wraps", wraps)


asyncio.run(main())
