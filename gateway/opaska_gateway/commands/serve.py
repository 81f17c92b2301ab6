# SPDX-License-Identifier: Apache-2.0
"""`opaska serve`: runs the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from opaska_gateway.commands.office import ConfigOption, errors_told, keep_files_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_gateway.settings import Settings

SHUTDOWN_S = 4.5  # then the process ends as kill -9 would end it, which loses nothing either
EXIT_HUNG = 3


def serve(
    config: ConfigOption = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="A log line for every station a report passes.")
    ] = False,
) -> None:
    """Run the gateway; without a settings file on an embedded broker and ./var."""
    from opaska_gateway.logs import start_logging
    from opaska_gateway.settings_file import load

    keep_files_private()
    with errors_told():
        settings = load(config)
        journey = settings.log.journey or trace
        start_logging(settings.log.form, settings.log.level, show_journey=journey)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from opaska_gateway import service

    stop = asyncio.Event()

    def ask() -> None:
        if not stop.is_set():
            _end_by_force_after(SHUTDOWN_S)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    await service.serve(settings, stop)


def _end_by_force_after(seconds: float) -> None:
    last = threading.Timer(seconds, os._exit, [EXIT_HUNG])
    last.daemon = True
    last.start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
