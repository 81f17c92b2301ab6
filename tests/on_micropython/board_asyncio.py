# SPDX-License-Identifier: Apache-2.0
# Everything asyncio does with its run queue, in an order that no jitter of the clock can change.
# tests/hardware/test_asyncio.py runs it on MicroPython's own queue and on the simulated board's.

import asyncio


def log(*words):
    print(*words)


async def tick(name, ms, times=1):
    for number in range(times):
        await asyncio.sleep_ms(ms)
        log(name, number)
    return name


async def fail(ms=5):
    await asyncio.sleep_ms(ms)
    raise ValueError("failed")


async def gathering():
    log(await asyncio.gather(tick("a", 40, 3), tick("b", 55, 2)))
    try:
        await asyncio.gather(tick("never", 100_000), fail())
    except ValueError as error:
        log("gathered", error)
    log(await asyncio.gather(fail(), tick("c", 30), return_exceptions=True))
    log(await asyncio.gather())


async def waiting_with_an_end():
    try:
        await asyncio.wait_for_ms(tick("never", 100_000), 20)
    except asyncio.TimeoutError:
        log("too late")
    log(await asyncio.wait_for_ms(tick("d", 10), 5000))
    log(await asyncio.wait_for(tick("e", 10), None))
    try:
        await asyncio.wait_for_ms(fail(), 5000)
    except ValueError as error:
        log(error)
    outer = asyncio.create_task(asyncio.wait_for_ms(tick("never", 100_000), 50_000))
    await asyncio.sleep_ms(10)
    log(outer.cancel())
    try:
        await outer
    except asyncio.CancelledError:
        log("cancelled from outside")


async def events_and_locks():
    event = asyncio.Event()
    lock = asyncio.Lock()

    async def waiter(number):
        await event.wait()
        async with lock:
            log("holds the lock", number)
            await asyncio.sleep_ms(3)

    tasks = [asyncio.create_task(waiter(number)) for number in range(4)]
    await asyncio.sleep_ms(0)
    tasks[1].cancel()
    event.set()
    for task in tasks:
        try:
            await task
        except asyncio.CancelledError:
            log("one was cancelled")
    log([task.done() for task in tasks], lock.locked())


async def cancelling():
    async def inner():
        try:
            await asyncio.sleep_ms(100_000)
        finally:
            log("inner cleans up")

    async def outer():
        await asyncio.create_task(inner())

    task = asyncio.create_task(outer())
    await asyncio.sleep_ms(5)
    log(task.cancel(), task.done())
    try:
        await task
    except asyncio.CancelledError:
        log("through both")
    log(task.done(), task.cancel())
    try:
        asyncio.current_task().cancel()
    except RuntimeError as error:
        log(error)


async def ends_that_nobody_awaits():
    loop = asyncio.get_event_loop()
    loop.set_exception_handler(lambda _, context: log("handler:", context["exception"]))
    task = asyncio.create_task(fail(0))
    await asyncio.sleep_ms(20)
    task = asyncio.create_task(tick("f", 1))
    await asyncio.sleep_ms(20)
    log(await task)
    late = asyncio.create_task(fail(0))
    try:
        await late
    except ValueError as error:
        log("awaited:", error)


async def flag_from_outside():
    flag = asyncio.ThreadSafeFlag()

    async def waiter():
        await flag.wait()
        log("flag")

    task = asyncio.create_task(waiter())
    await asyncio.sleep_ms(0)
    flag.set()
    await task


async def main():
    await gathering()
    await waiting_with_an_end()
    await events_and_locks()
    await cancelling()
    await ends_that_nobody_awaits()
    await flag_from_outside()
    return "end"


log(asyncio.run(main()))
asyncio.new_event_loop()
log(asyncio.run(tick("second loop", 1)))
