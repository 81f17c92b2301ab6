# SPDX-License-Identifier: Apache-2.0
# asyncio's run queue, in place of the built-in _asyncio: that one reads the host's clock behind
# our back, so neither virtual time nor an ESP32's 2**30 ms of ticks would work with it.

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_core: "Any" = None  # what asyncio.core binds


class TaskQueue:
    """Tasks in order of `ph_key` (ticks when due), first come first served among equals."""

    def __init__(self):
        self._first = None

    def peek(self):
        return self._first

    def push(self, task, due=None):
        if due is None:
            due = time.ticks_ms()
        task.data = None  # it waits for nothing but its turn
        task.ph_key = due
        before = None
        behind = self._first
        while behind is not None and time.ticks_diff(behind.ph_key, due) <= 0:
            before = behind
            behind = behind.ph_next
        task.ph_next = behind
        if before is None:
            self._first = task
        else:
            before.ph_next = task

    def pop(self):
        task = self._first
        self._first = task.ph_next
        task.ph_next = None
        return task

    def remove(self, task):
        if task is self._first:
            self.pop()
            return
        before = self._first
        while before is not None and before.ph_next is not task:
            before = before.ph_next
        if before is not None:
            before.ph_next = task.ph_next
            task.ph_next = None


class Task:
    """A coroutine that runs. The attributes are those that asyncio's core reads and writes; what
    most tasks never change is the class's."""

    # True: runs, nobody waits for it. TaskQueue: who waits. A function: to call at its end.
    # None: ended, not yet noticed. False: ended and noticed.
    state: "Any" = True
    data: "Any" = None  # what it waits on, or how it ended
    ph_key = 0
    ph_next: "Any" = None

    def __init__(self, coro, globals=None):
        global _core
        self.coro = coro
        _core = globals

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data or StopIteration
        waiter = _core["cur_task"]
        self.state.push(waiter)
        waiter.data = self

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        if self is _core["cur_task"]:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data  # cancel what it waits for
        ready = _core["_task_queue"]
        if hasattr(task.data, "remove"):
            task.data.remove(task)  # off the queue of a lock, event or stream
            ready.push(task)
        elif time.ticks_diff(task.ph_key, time.ticks_ms()) > 0:
            ready.remove(task)  # asleep: bring it forward
            ready.push(task)
        task.data = _core["CancelledError"]
        return True
