# SPDX-License-Identifier: Apache-2.0
# In place of firmware/main.py: the same, and tells how much of the heap each module took when it
# was imported (functions, classes, tables, names), without those that it imports itself, and what
# the whole band holds when it has started. Run by opaska_tools.bench.heap.

import asyncio
import builtins
import gc
import sys

import micropython

AFTER_MS = 20_000
real_import = builtins.__import__
nested = [0]  # bytes taken by imports within the one under way
seen = set(sys.modules)


def used():
    gc.collect()
    return gc.mem_alloc()


def measured_import(name, *others):
    known = set(sys.modules) | seen
    before = used()
    nested.append(0)
    module = real_import(name, *others)
    fresh = [found for found in sys.modules if found not in known and found not in seen]
    inner = nested.pop()
    if not fresh:
        nested[-1] += inner
        return module
    took = used() - before
    nested[-1] += took
    seen.update(fresh)
    print("module", max(fresh, key=len), took - inner)  # after its package, if that is new too
    return module


async def tell():
    await asyncio.sleep_ms(AFTER_MS)
    print("whole", used(), gc.mem_free())
    micropython.qstr_info()


print("begin", used())
builtins.__import__ = measured_import  # pyright: ignore[reportAttributeAccessIssue]
asyncio.create_task(tell())  # noqa: RUF006 - asyncio holds it
from opaska_band import boot  # noqa: E402

boot.run()
