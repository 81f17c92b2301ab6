# SPDX-License-Identifier: Apache-2.0
"""What `opaska serve` is to the operating system: loop, signals, memory, systemd."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SHUTDOWN_S = 4.5  # then the process ends as kill -9 would end it, which loses nothing either
EXIT_HUNG = 3
# Reports make many objects and hardly a cycle. With Python's own thresholds a flood spends a fifth
# of its CPU on looking for cycles, and a full look pauses everything for 50 ms (measured).
GC_THRESHOLDS = (10_000, 20, 50)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: a tenth more reports for the same CPU (measured)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; from then on the process ends within SHUTDOWN_S."""
    stop = asyncio.Event()

    def ask() -> None:
        if not stop.is_set():
            tell_systemd("STOPPING=1")
            end_by_force_after(SHUTDOWN_S)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return stop


def end_by_force_after(seconds: float) -> None:
    """End the process then, whatever it hangs on."""
    last = threading.Timer(seconds, os._exit, [EXIT_HUNG])
    last.daemon = True
    last.start()


def settle() -> None:
    """The gateway is up: what was built so far stays, and need not be looked at for cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    tell_systemd("READY=1")


def tell_systemd(state: str) -> None:
    """sd_notify(3), when systemd started us with Type=notify."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), address)
