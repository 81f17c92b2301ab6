# SPDX-License-Identifier: Apache-2.0
# The edge of every task: an exception is printed, counted and reported, and the task starts again.

import asyncio
import gc
import sys
import time

from opaska_protocol.reports import TASK_FAILED

from .faults import Faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Awaitable, Callable

_FIRST_WAIT_MS = 100  # a passing trouble should not be felt
_LONGEST_WAIT_MS = 10_000  # an SOS may need this very task: well within the minute to "not sent"


async def keep(name: str, run: "Callable[[], Awaitable[Any]]", faults: Faults) -> None:
    """Run the task until it returns; after a failure again, and after many with longer waits."""
    wait_ms = _FIRST_WAIT_MS
    while True:
        begun = time.ticks_ms()
        try:
            await run()
            return
        except Exception as error:
            failed(name, error, faults)
        if not 0 <= time.ticks_diff(time.ticks_ms(), begun) < _LONGEST_WAIT_MS:
            wait_ms = _FIRST_WAIT_MS  # it has worked since, perhaps for so long that ticks wrapped
        await asyncio.sleep_ms(wait_ms)
        wait_ms = min(2 * wait_ms, _LONGEST_WAIT_MS)


def attempt(name: str, run: "Callable[[], Any]", faults: Faults, otherwise: "Any" = None) -> "Any":
    """What `run` returns, or `otherwise` after a failure: for parts that an SOS can do without."""
    try:
        return run()
    except Exception as error:
        failed(name, error, faults)
        return otherwise


def failed(name: str, error: Exception, faults: Faults) -> None:
    """Tell of a failure. Never raises: whoever calls has better things to do than to tell."""
    try:
        if isinstance(error, MemoryError):
            gc.collect()
        sys.print_exception(error)
        faults.note(TASK_FAILED, name)
    except Exception:
        gc.collect()  # no memory for words
