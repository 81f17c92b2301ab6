# SPDX-License-Identifier: Apache-2.0
"""`opaska demo` on a terminal: press, cut and watch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer
from rich.live import Live
from sqlalchemy.exc import DBAPIError

from opaska_gateway.errors import GatewayError
from opaska_protocol.reports import VISIT, VISIT_TEST
from opaska_tools.demo.cast import Stage, prepare
from opaska_tools.demo.deeds import DEEDS
from opaska_tools.demo.keys import pressed_keys
from opaska_tools.demo.play import Play
from opaska_tools.demo.screen import draw
from opaska_tools.demo.told import told, visit_words
from opaska_tools.demo.wrist import Wrist
from opaska_tools.stage.dispatcher import Dispatcher
from opaska_tools.stage.officer import Officer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from opaska_tools.demo.deeds import Deed
    from opaska_tools.stage.gateway import Station

_FRAME_S = 0.1
_WELCOME = "Press s and feel what the wearer feels."
_TROUBLES = (OSError, RuntimeError, TimeoutError, DBAPIError, GatewayError)
_DEED_OF = {deed.key: deed for group in DEEDS.values() for deed in group}


def run() -> int:
    """Play until somebody leaves; the exit code."""
    with TemporaryDirectory(prefix="opaska-demo-") as folder:
        try:
            asyncio.run(_play(Path(folder)))
        except (OSError, RuntimeError, TimeoutError) as error:
            typer.echo(f"the demo stopped: {error}", err=True)
            return 1
        except KeyboardInterrupt:
            pass
    return 0


async def _play(folder: Path) -> None:
    play = Play(folder)
    async with play.scene as scene:
        await scene.set_up(lambda what: typer.echo(f"starting {what}"))
        play.follow()
        async with Dispatcher(scene.gateway) as dispatcher, Officer(scene.gateway) as officer:
            await _Hand(play, dispatcher, officer).play()


class _Left(Exception):
    """Somebody has seen enough."""


class _Hand:
    """Somebody who holds one of the bands and presses keys."""

    def __init__(self, play: Play, dispatcher: Dispatcher, officer: Officer) -> None:
        self._stage = Stage(play, dispatcher, officer, self._say)
        self._wrists = [Wrist(worn) for worn in play.scene.worn]
        self._held = 0
        self._said = _WELCOME

    async def play(self) -> None:
        """Show and obey until the key q."""
        typer.echo("starting two wearers, who are at home")
        await asyncio.gather(*(prepare(self._stage, wrist) for wrist in self._wrists))
        with pressed_keys() as keys, Live(self._draw(), screen=True, auto_refresh=False) as live:
            try:
                async with asyncio.TaskGroup() as group:
                    await self._show(group, keys, live)
            except* _Left:  # what is not done yet is not waited for
                pass

    async def _show(self, group: asyncio.TaskGroup, keys: asyncio.Queue[str], live: Live) -> None:
        play = self._stage.play

        def read(station: Station) -> None:
            group.create_task(self._read(station))

        play.on_stored = read
        while True:
            while not keys.empty():
                key = keys.get_nowait()
                if key == "q":
                    play.on_stored = None
                    raise _Left
                self._obey(group, key)
            for wrist in self._wrists:
                wrist.sample()
            play.look()
            live.update(self._draw(), refresh=True)
            await asyncio.sleep(_FRAME_S)

    def _say(self, words: str) -> None:
        self._said = words.partition("\n")[0]  # there is room for one line

    def _draw(self) -> RenderableType:
        return draw(self._stage.play, self._wrists, self._held, self._said)

    def _obey(self, group: asyncio.TaskGroup, key: str) -> None:
        if key.isdigit() and 0 < int(key) <= len(self._wrists):
            self._held = int(key) - 1
        elif key in _DEED_OF:
            group.create_task(self._do(_DEED_OF[key], self._wrists[self._held]))

    async def _do(self, deed: Deed, wrist: Wrist) -> None:
        try:
            self._say(await deed.do(self._stage, wrist))
        except _TROUBLES as error:
            self._say(str(error))

    async def _read(self, station: Station) -> None:
        """As an officer does, beside the gateway."""
        try:
            report = await self._stage.officer.read(station)
            learnt = told(report) if report else None
            if learnt and report and report.type in (VISIT, VISIT_TEST):
                visit = await self._stage.officer.latest_visit(station.kid)
                learnt.words.update(visit_words(visit) if visit else {})
        except _TROUBLES as error:
            self._say(str(error))
            return
        if learnt:
            self._stage.play.learn(station, learnt)
