# SPDX-License-Identifier: Apache-2.0
# MicroPython's `select`: asyncio waits here, so here the board hears its control line and clock.

import clock
import control
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401

POLLPRI = 2


class poll:
    def __init__(self):
        self._poller = clock.new_poller()

    def register(self, stream, mask=POLLIN | POLLOUT):
        return self._poller.register(stream, mask)

    def modify(self, stream, mask):
        self._poller.modify(stream, mask)

    def unregister(self, stream):
        self._poller.unregister(stream)

    def poll(self, ms=-1):
        clock.wait(self._poller, ms)
        return [ready for ready in self._poller.poll(0) if ready[0] is not control.link]

    def ipoll(self, ms=-1, flags=0):
        clock.wait(self._poller, ms)
        self._ready = self._poller.ipoll(0, flags)
        return self

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            ready = next(self._ready)
            if ready[0] is not control.link:
                return ready
