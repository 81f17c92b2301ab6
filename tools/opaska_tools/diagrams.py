# SPDX-License-Identifier: Apache-2.0
"""Draws docs/states.md from the tables that the code runs on.

python -m opaska_tools.diagrams [--check]
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from opaska_gateway.care import case, silence, visit
from opaska_gateway.care import fall as announced_fall
from opaska_tools.firmware_build import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Table = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]

PAGE = ROOT / "docs" / "states.md"
CARE = ROOT / "gateway" / "opaska_gateway" / "care"
CASE = CARE / "case.py"
ANNOUNCED = CARE / "fall.py"
SILENCE = CARE / "silence.py"
VISIT = CARE / "visit.py"
DECISIONS = ROOT / "firmware" / "opaska_band" / "decisions"
ALARM = DECISIONS / "alarm.py"
FALL = DECISIONS / "fall.py"
WEARING = DECISIONS / "wearing.py"
TOUCH = DECISIONS / "visit.py"

_HEAD = """\
# States

Drawn from the tables by `python -m opaska_tools.diagrams`; a test fails when this page is stale.
On an arrow stands the event and, behind the slash, what is done.
"""


def page() -> str:
    """The whole page."""
    transitions = _decided("table").transitions
    alarm: Table = transitions(_decided("alarm").TABLE)
    fall: Table = transitions(_decided("fall").TABLE)
    waits: Table = announced_fall.TRANSITIONS
    return "\n".join(
        (
            _HEAD,
            _section("A felt fall on the band", FALL, "idle", fall),
            _section("An alarm on its way", ALARM, "idle", alarm),
            _section("How a band is worn", WEARING, "new", _wearing()),
            _section("A carer's card held to the band", TOUCH, "seeking", _touch()),
            _section("An announced fall at the gateway", ANNOUNCED, announced_fall.UNHEARD, waits),
            _section("A case at the gateway", CASE, case.RINGING, case.TRANSITIONS),
            _section("A silent band at the gateway", SILENCE, silence.HEARD, silence.TRANSITIONS),
            _section("A carer's visit at the gateway", VISIT, visit.NONE, visit.TRANSITIONS),
        )
    )


def _decided(name: str) -> Any:
    """A module of the band's, which is not installed, since it runs on the band."""
    if str(ROOT / "firmware") not in sys.path:
        sys.path.append(str(ROOT / "firmware"))
    return importlib.import_module("opaska_band.decisions." + name)


def _wearing() -> Table:
    """Its table is dense text: here with words, and without what changes nothing."""
    states = ("new", "worn", "loose", "taken_off", "cut", "charging", "lifted")
    wearing = _decided("wearing")
    effects: dict[str, tuple[str, ...]] = {
        wearing.NOTHING: (),
        wearing.REPORT: ("report",),
        wearing.RAISE: ("raise", "report"),
    }
    table: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
    for number, state in enumerate(states):
        events: dict[int, str] = {}
        events.update(enumerate(states[1:6], 1))
        if number == wearing.LIFTED:
            events[wearing.LATE] = "late"
        for event, looks in events.items():
            new, what = wearing.step(number, event)
            if new != number:
                table[state, looks] = states[new], effects[what]
    return table


def _touch() -> Table:
    """Its table is of numbers, which take less of a heap: here with the names that they have."""
    visit = _decided("visit")
    states, events, effects = (
        {getattr(visit, name): name.lower() for name in names}
        for names in (
            ("SEEKING", "HELD", "MISSED", "AWAY", "OVER"),
            ("CARD", "OTHER", "NOTHING", "TORN", "LATE"),
            ("WAIT", "READ", "COUNT", "KEEP", "KEEP_AND_READ", "REFUSE"),
        )
    )
    return {
        (states[state], events[event]): (
            states[new],
            () if what == visit.WAIT else tuple(effects[what].split("_and_")),
        )
        for (state, event), (new, what) in visit.TRANSITIONS.items()
    }


def _section(title: str, file: Path, first: str, table: Table) -> str:
    where = file.relative_to(ROOT)
    arrows = [
        f"    {state} --> {new}: {event}{' / ' if effects else ''}{', '.join(effects)}"
        for (state, event), (new, effects) in table.items()
    ]
    return "\n".join(
        (
            f"## {title}\n",
            f"[{where}](../{where})\n",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {first}",
            *arrows,
            "```\n",
        )
    )


def main() -> int:
    """Write the page; with --check only say whether it is stale."""
    fresh = page()
    if "--check" in sys.argv[1:]:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != fresh
        if stale:
            print(f"{PAGE.name} is stale: python -m opaska_tools.diagrams")
        return int(stale)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
