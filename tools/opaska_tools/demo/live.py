# SPDX-License-Identifier: Apache-2.0
"""`opaska demo` on a terminal: press, cut and watch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer
from rich.live import Live

from opaska_tools.demo.keys import pressed_keys
from opaska_tools.demo.play import HOLD_MS, Play
from opaska_tools.demo.screen import draw
from opaska_tools.demo.wrist import Wrist
from opaska_tools.stage.dispatcher import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import RenderableType

_FRAME_S = 0.1
_PRESS_MS = HOLD_MS + 200
_WELCOME = "Press s and feel what the wearer feels."


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
        async with Dispatcher(scene.gateway) as dispatcher:
            await _Hand(play, dispatcher).play()


class _Hand:
    """Somebody who holds one of the bands and presses keys."""

    def __init__(self, play: Play, dispatcher: Dispatcher) -> None:
        self._scene = play
        self._dispatcher = dispatcher
        self._wrists = [Wrist(worn) for worn in play.scene.worn]
        self._held = 0
        self._said = _WELCOME
        self._does: dict[str, Callable[[Wrist], Awaitable[str]]] = {
            "s": self._press,
            "p": self._power,
            "l": self._link,
            "t": self._take,
            "c": self._close,
        }

    async def play(self) -> None:
        """Show and obey until the key q."""
        with pressed_keys() as keys, Live(self._draw(), screen=True, auto_refresh=False) as live:
            async with asyncio.TaskGroup() as group:
                while True:
                    while not keys.empty():
                        key = keys.get_nowait()
                        if key == "q":
                            return
                        self._obey(group, key)
                    for wrist in self._wrists:
                        wrist.sample()
                    live.update(self._draw(), refresh=True)
                    await asyncio.sleep(_FRAME_S)

    def _draw(self) -> RenderableType:
        return draw(self._scene, self._wrists, self._held, self._said)

    def _obey(self, group: asyncio.TaskGroup, key: str) -> None:
        if key.isdigit() and 0 < int(key) <= len(self._wrists):
            self._held = int(key) - 1
        elif key in self._does:
            group.create_task(self._do(self._does[key], self._wrists[self._held]))

    async def _do(self, what: Callable[[Wrist], Awaitable[str]], wrist: Wrist) -> None:
        try:
            self._said = await what(wrist)
        except (OSError, RuntimeError, TimeoutError) as error:
            self._said = str(error)

    async def _press(self, wrist: Wrist) -> str:
        await wrist.worn.band.press(_PRESS_MS)
        if wrist.worn.band.state == "off":
            return "The button was held, but the band has no power. Press p, then s."
        return "The button was held."

    async def _power(self, wrist: Wrist) -> str:
        if wrist.worn.band.state == "off":
            await wrist.worn.band.start()
            return "The band has power again."
        await wrist.worn.band.power_cut()
        return "The power is gone. What was accepted is on the flash."

    async def _link(self, wrist: Wrist) -> str:
        wrist.link_cut = not wrist.link_cut
        if wrist.link_cut:
            wrist.worn.band.link.cut()
            return "The link is cut: an SOS is “not sent” after 60 s, and is tried for ever."
        wrist.worn.band.link.restore()
        return "The link is back."

    async def _take(self, wrist: Wrist) -> str:
        return await self._dispatcher.take(wrist.kid)

    async def _close(self, wrist: Wrist) -> str:
        return await self._dispatcher.close(wrist.kid)
