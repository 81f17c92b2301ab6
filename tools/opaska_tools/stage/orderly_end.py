# SPDX-License-Identifier: Apache-2.0
"""SIGTERM, or a terminal that is closed, ends a stage as Ctrl-C does: nothing is left behind."""

from __future__ import annotations

import signal


def end_as_by_ctrl_c() -> None:
    """From now on; asyncio.run cancels its task and then raises KeyboardInterrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
