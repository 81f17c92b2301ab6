# SPDX-License-Identifier: Apache-2.0
"""`opaska demo --once`: one scripted SOS, a line per station, and whether it arrived."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from opaska_tools.demo.play import HOLD_MS, Play
from opaska_tools.demo.tales import SOS
from opaska_tools.stage.scene import SOS_CODE

if TYPE_CHECKING:
    from opaska_tools.demo.journey import Journey

_PRESS_MS = HOLD_MS + 200  # a finger that feels the answer and lets go
_ARRIVES_S = 30.0  # on a busy machine; a second is usual


def run() -> int:
    """Play it; the exit code."""
    with TemporaryDirectory(prefix="opaska-demo-") as folder:
        try:
            return asyncio.run(_play(Path(folder)))
        except KeyboardInterrupt:
            typer.echo("journey stopped: somebody ended it", err=True)
            return 1


async def _play(folder: Path) -> int:
    play = Play(folder)
    try:
        async with play.scene as scene:
            await scene.set_up(lambda what: typer.echo(f"starting {what}", err=True))
            play.follow()
            return await _press_once(play)
    except (OSError, RuntimeError, TimeoutError) as error:
        typer.echo(f"journey stopped while starting: {error}", err=True)
        return 1


async def _press_once(play: Play) -> int:
    worn = play.scene.worn[0]
    await worn.band.press(_PRESS_MS)
    journey = play.journeys.get(worn.kid)
    if journey is None:
        typer.echo("journey stopped at held: the band did not feel its button", err=True)
        return 1
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(journey.arrived.wait(), _ARRIVES_S)
    _print_stations(journey)
    problem = journey.missing() or _disproof(play)
    if problem:
        typer.echo(f"journey stopped at {problem}: {SOS.stations.get(problem, '')}", err=True)
        return 1
    typer.echo(f"journey ok {journey.total_ms:.0f}")
    return 0


def _print_stations(journey: Journey) -> None:
    for station in SOS.stations:
        elapsed_ms = journey.elapsed_ms(station)
        if elapsed_ms is not None:
            typer.echo(f"{station}\t{elapsed_ms:.1f}")


def _disproof(play: Play) -> str | None:
    """The station that the receiver's own log or the band's own signals do not confirm."""
    worn = play.scene.worn[0]
    if play.scene.receiver.rang(SOS_CODE) != [worn.account]:
        return "centre"
    if not any(note.name == "accepted" for note in worn.band.notes):
        return "accepted_felt"
    return None
