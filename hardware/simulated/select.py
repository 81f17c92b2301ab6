# SPDX-License-Identifier: Apache-2.0
# MicroPython's `select`: asyncio waits here, so here the board hears its control line and clock.

from clock import poll  # noqa: F401
from uselect import POLLERR, POLLHUP, POLLIN, POLLOUT  # noqa: F401
