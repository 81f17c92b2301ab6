# SPDX-License-Identifier: Apache-2.0
# In place of firmware/main.py: the same, and tells how much of the heap is taken before and after
# each import (functions, classes, tables), and what the whole band holds when it has started. With
# each figure comes how large the tables of names are. Read by opaska_tools.bench.heap.

import asyncio
import builtins
import gc
import sys

import micropython

AFTER_MS = 20_000
real_import = builtins.__import__
seen = set(sys.modules)


def tell(*what):
    gc.collect()
    print("heap", gc.mem_alloc(), gc.mem_free(), *what)
    micropython.qstr_info()


def measured_import(name, *others):
    known = set(sys.modules) | seen
    tell("import")
    try:
        return real_import(name, *others)
    finally:
        fresh = [found for found in sys.modules if found not in known and found not in seen]
        seen.update(fresh)
        tell("module", max(fresh, key=len) if fresh else "")  # after its package, if new too


async def tell_whole():
    await asyncio.sleep_ms(AFTER_MS)
    builtins.__import__ = real_import  # pyright: ignore[reportAttributeAccessIssue]
    tell("whole")


tell("begin")
builtins.__import__ = measured_import  # pyright: ignore[reportAttributeAccessIssue]
asyncio.create_task(tell_whole())  # noqa: RUF006 - asyncio holds it
from opaska_band import boot  # noqa: E402

boot.run()
