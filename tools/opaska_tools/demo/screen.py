# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: two wrists, and the journey of the last SOS of the one that is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from opaska_tools.demo.journey import STATIONS

if TYPE_CHECKING:
    from rich.console import RenderableType

    from opaska_tools.demo.play import Play
    from opaska_tools.demo.wrist import Wrist

KEYS = (
    ("1 2", "take the other band"),
    ("s", "press SOS"),
    ("p", "cut or restore the power"),
    ("l", "cut or restore the link"),
    ("t", "take the case"),
    ("c", "close the case"),
    ("q", "leave"),
)
_BAR = " ▁▂▃▄▅▆▇█"
_MEANING = {
    "": "nothing to say",
    "hold": "you are holding it",
    "working": "working, wait",
    "stored": "working, wait: stored",
    "accepted": "working, wait: help has been told",
    "taken": "somebody is looking after you",
    "closed": "over",
    "not_sent": "NOT SENT, still trying",
    "fault": "something is wrong with the band",
    "safe_mode": "safe mode",
}


def draw(play: Play, wrists: list[Wrist], held: int, said: str) -> RenderableType:
    """The whole screen."""
    panels = [_wrist(wrist, number, number == held) for number, wrist in enumerate(wrists)]
    return Group(Columns(panels, expand=True), _journey(play, wrists[held]), _help(said))


def _wrist(wrist: Wrist, number: int, held: bool) -> Panel:
    text = Text()
    text.append(f"power {wrist.power}   link {'cut' if wrist.link_cut else 'up'}\n")
    text.append("motor ", "dim")
    text.append("".join(_BAR[round(duty * 8)] for duty in wrist.motor), wrist.colour)
    text.append("\nwrist ", "dim")
    text.append(_MEANING.get(wrist.feels, wrist.feels), f"bold {wrist.colour}")
    title = f"band {number + 1}" + (" (in your hand)" if held else "")
    return Panel(text, title=title, border_style="bold" if held else "dim")


def _journey(play: Play, wrist: Wrist) -> RenderableType:
    table = Table(title=f"the last SOS of account {wrist.account}", expand=True)
    table.add_column("station")
    table.add_column("ms", justify="right")
    table.add_column("what happens there")
    journey = play.journeys.get(wrist.kid)
    for station, sentence in STATIONS.items():
        elapsed_ms = None if journey is None else journey.elapsed_ms(station)
        shown = "" if elapsed_ms is None else f"{elapsed_ms:.1f}"
        table.add_row(station, shown, sentence, style="dim" if elapsed_ms is None else "")
    return table


def _help(said: str) -> Text:
    text = Text()
    for key, meaning in KEYS:
        text.append(f" {key} ", "reverse")
        text.append(f" {meaning}   ")
    return text.append(f"\n{said}", "italic")
