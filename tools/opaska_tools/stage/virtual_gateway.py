# SPDX-License-Identifier: Apache-2.0
"""`opaska serve` in virtual time: the same service on a loop that follows the clock service.

python -m opaska_tools.stage.virtual_gateway HOST:PORT --config FILE
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from amqtt.broker import Broker

from opaska_gateway import clock, service, settings_file
from opaska_gateway.intake import mqtt_link
from opaska_gateway.logs import start_logging
from opaska_gateway.registry import notice
from opaska_gateway.watch import raise_falls, silent_bands
from opaska_tools.simulator.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from opaska_gateway.settings import Settings
    from opaska_tools.simulator.clock import ClockService

NAME = "gateway"  # among the members of the clock
# Each look stops the virtual clock, and a day has 86,400 seconds. Looked for are changes by other
# programs and gateways, paho's keepalive (by the machine's clock) and the embedded broker's old
# sessions.
_LOOK_EVERY_S = 600.0


def command(clock_service: ClockService) -> tuple[str, ...]:
    """What a Gateway of this stage starts instead of `opaska serve`."""
    host, port = clock_service.address
    return (sys.executable, "-m", "opaska_tools.stage.virtual_gateway", f"{host}:{port}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clock")
    parser.add_argument("--config", type=Path, required=True)
    wanted = parser.parse_args()
    settings = settings_file.load(wanted.config)
    _look_seldom()
    start_logging(settings.log.form, settings.log.level, show_journey=settings.log.journey)
    host, port = wanted.clock.rsplit(":", 1)
    loop = VirtualLoop((host, int(port)), NAME)
    with asyncio.Runner(loop_factory=lambda: loop) as runner, clock.driven_by(loop):
        runner.run(_serve(settings))


def _look_seldom() -> None:
    slower = (
        (notice, "LOOK_EVERY_S", _LOOK_EVERY_S),
        (raise_falls, "LOOK_AGAIN_S", _LOOK_EVERY_S),
        (silent_bands, "LOOK_AGAIN_S", _LOOK_EVERY_S),
        (mqtt_link, "MISC_EVERY_S", _LOOK_EVERY_S),
        (Broker, "_session_monitor", _look_never),
    )
    for owner, name, value in slower:
        assert hasattr(owner, name), f"{name} has another name now"
        setattr(owner, name, value)


async def _look_never(self: Broker) -> None:
    return


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await service.serve(settings, stop)


if __name__ == "__main__":
    main()
