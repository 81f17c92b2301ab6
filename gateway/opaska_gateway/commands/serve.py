# SPDX-License-Identifier: Apache-2.0
"""`opaska serve`: runs the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from opaska_gateway.commands.office import ConfigOption, errors_told, keep_files_private

if TYPE_CHECKING:
    from opaska_gateway.settings import Settings


def serve(
    config: ConfigOption = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="A log line for every station a report passes.")
    ] = False,
) -> None:
    """Run the gateway; without a settings file on an embedded broker and ./var."""
    from opaska_gateway.commands.process import loop_factory
    from opaska_gateway.logs import start_logging
    from opaska_gateway.settings_file import load

    keep_files_private()
    with errors_told():
        settings = load(config)
        journey = settings.log.journey or trace
        start_logging(settings.log.form, settings.log.level, show_journey=journey)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from opaska_gateway import service
    from opaska_gateway.commands.process import settle, stop_on_signals

    await service.serve(settings, stop_on_signals(), on_ready=settle)
