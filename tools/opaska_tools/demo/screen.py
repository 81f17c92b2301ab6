# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: two wrists, and the journey of the last deed with the one that is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from opaska_tools.demo.deeds import DEEDS
from opaska_tools.demo.tales import SOS, TALES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from opaska_tools.demo.play import Play
    from opaska_tools.demo.wrist import Wrist

_ROWS = max(len(tale.stations) for tale in TALES)  # so that nothing jumps
_BAR = " ▁▂▃▄▅▆▇█"
_FIRST = {"band": [("1 2", "other band")]}  # keys that are no deeds
_LAST = {"others": [("q", "leave")]}
_MEANING = {
    "": "nothing to say",
    "hold": "you are holding it",
    "working": "working, wait",
    "stored": "working, wait: stored",
    "accepted": "working, wait: help was told",
    "taken": "somebody is looking after you",
    "closed": "over",
    "not_sent": "NOT SENT, still trying",
    "fault": "something is wrong with the band",
    "safe_mode": "safe mode",
}


def draw(play: Play, wrists: list[Wrist], held: int, said: str) -> RenderableType:
    """The whole screen; it fits a terminal of 80 columns and 24 rows."""
    panels = Table.grid(expand=True)
    for _ in wrists:
        panels.add_column(ratio=1)
    panels.add_row(*(_wrist(wrist, number, number == held) for number, wrist in enumerate(wrists)))
    return Group(panels, _journey(play, wrists[held]), _help(said))


def _wrist(wrist: Wrist, number: int, held: bool) -> Panel:
    text = Text(no_wrap=True, overflow="ellipsis")
    link, home = "cut" if wrist.link_cut else "up", "home" if wrist.is_home else "away"
    text.append(f"{wrist.power}, link {link}, {wrist.place}, {home}, {wrist.percent} %\n")
    text.append("motor ", "dim")
    text.append("".join(_BAR[round(duty * 8)] for duty in wrist.motor), wrist.colour)
    text.append("\nwrist ", "dim")
    text.append(_MEANING.get(wrist.feels, wrist.feels), f"bold {wrist.colour}")
    title = f"band {number + 1}" + (" (in your hand)" if held else "")
    return Panel(text, title=title, border_style="bold" if held else "dim")


def _journey(play: Play, wrist: Wrist) -> RenderableType:
    journey = play.journeys.get(wrist.kid)
    tale = SOS if journey is None else journey.tale
    title = f"account {wrist.account}: {tale.title}"
    table = Table(title=title, box=SIMPLE_HEAD, expand=True)
    table.show_edge = False
    table.add_column("station", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("what happens there", ratio=1, no_wrap=True)
    for station, sentence in tale.stations.items():
        elapsed_ms = None if journey is None else journey.elapsed_ms(station)
        if journey is None or elapsed_ms is None:
            table.add_row(station, "", sentence, style="dim")
        else:
            table.add_row(station, f"{elapsed_ms:.1f}", journey.words(station))
    for _ in range(len(tale.stations), _ROWS):
        table.add_row()
    return table


def _help(said: str) -> Text:
    """The keys by who uses them, then what came of the last one."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for who, deeds in DEEDS.items():
        text.append(f"{who:7}", "dim")
        keys = [(deed.key, deed.words) for deed in deeds]
        for key, meaning in [*_FIRST.get(who, []), *keys, *_LAST.get(who, [])]:
            text.append(f" {key} ", "reverse")
            text.append(f" {meaning}  ")
        text.append("\n")
    return text.append(said, "italic")
