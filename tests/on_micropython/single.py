# SPDX-License-Identifier: Apache-2.0
# What the scripts of tests share: `main` runs one test, `until` waits for what it has caused.

import asyncio
import asyncio.core
import random
import sys
import time

_MOST_DAYS = 100  # of a test
_LOOK_MS = 1_000  # at what changes with the time alone


async def until(condition, ms=120_000):
    """Wait until `condition()`, and look when anybody has run; AssertionError when it takes too
    long."""
    begin = time.ticks_ms()
    while not condition():
        now = time.ticks_ms()
        assert time.ticks_diff(now, begin) <= ms, "waited in vain"
        task = asyncio.core._task_queue.peek()
        due_ms = time.ticks_diff(task.ph_key, now) if task else _LOOK_MS
        await asyncio.sleep_ms(max(0, min(due_ms, _LOOK_MS)))


def main(names):
    """Run the test named on the command line."""
    random.seed(1)
    result = names[sys.argv[1]]()
    if result is not None:  # a coroutine
        asyncio.run(_watched(result))
    print("passed")


async def _watched(test):
    lost = []
    asyncio.get_event_loop().set_exception_handler(lambda _, context: lost.append(context))
    watching = asyncio.create_task(_watch(asyncio.current_task()))
    await test
    watching.cancel()
    for context in lost:
        sys.print_exception(context["exception"])
    assert not lost, "a task that nobody awaits has failed"


async def _watch(task):
    """In virtual time, which goes on when every task waits for another, that is at once."""
    for _ in range(_MOST_DAYS):
        await asyncio.sleep_ms(86_400_000)
    print("everybody waits for ever:")
    task.cancel()
