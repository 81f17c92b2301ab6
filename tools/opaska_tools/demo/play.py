# SPDX-License-Identifier: Apache-2.0
"""The scene of the demo, and who follows the journeys on it."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from opaska_tools.demo.journey import Journey
from opaska_tools.demo.tales import SOS
from opaska_tools.simulator.records import Note
from opaska_tools.stage.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opaska_tools.demo.tales import Tale
    from opaska_tools.demo.told import Told
    from opaska_tools.simulator.records import Signal
    from opaska_tools.stage.gateway import Station
    from opaska_tools.stage.receiver import Received
    from opaska_tools.stage.scene import Worn

BANDS = 2
HOLD_MS = 500  # the band's default setting
_FELT_AS = {  # station and words, where they are not the pattern's own
    "visit_begun": ("begun_felt", ""),
    "visit_ended": ("ended_felt", ""),
    "visit_reached": ("reached_felt", ""),
    "visit_expected": ("reached_felt", "the wrist feels: reached, and expected"),
}


@dataclass
class _Report:
    """On its way through the gateway; `kind` is "" until somebody knows."""

    kind: str = ""
    passed: dict[str, float] = field(default_factory=dict[str, float])


class Play:
    """A scene with two bands; `journeys` holds the present one of each band, by kid."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(folder, BANDS, on_station=self._on_station)
        self.journeys: dict[str, Journey] = {}
        self.on_stored: Callable[[Station], None] | None = None  # for whoever reads reports
        self._reports: dict[tuple[str, int, int], _Report] = defaultdict(_Report)
        self.scene.receiver.on_received = self._on_received

    def follow(self) -> None:
        """From now on listen to what the wrists feel."""
        for worn in self.scene.worn:
            worn.band.on_felt = partial(self._on_felt, worn)

    def begin(self, kid: str, tale: Tale) -> Journey:
        """Somebody does something with this band now."""
        journey = self.journeys[kid] = Journey(_now_ms(), tale)
        return journey

    def pass_now(self, journey: Journey, station: str) -> None:
        """Something was done on this journey."""
        journey.passes(station, _now_ms())

    def look(self) -> None:
        """What a band's parts do now, of which nobody tells us."""
        for worn in self.scene.worn:
            journey, wiring = self.journeys.get(worn.kid), worn.band.circuit.wiring
            if journey is None:
                continue
            self.pass_now(journey, "shines" if wiring.oximeter.shines else "dark")
            if wiring.modem.gnss.is_on:
                self.pass_now(journey, "gnss_on")
            if wiring.nfc.is_on:
                self.pass_now(journey, "reader")

    def learn(self, station: Station, told: Told) -> None:
        """What the report says that was stored there."""
        report = self._reports[station.kid, station.boot, station.seq]
        report.kind = report.kind or told.kind
        self._count(station.kid, report)
        if station.kid in self.journeys:
            for name, words in told.words.items():
                self.journeys[station.kid].passes(name, station.monotonic_ms, words)

    def _on_felt(self, worn: Worn, felt: Signal | Note) -> None:
        if not isinstance(felt, Note):
            return
        if felt.name == "hold" and self._is_over(worn.kid):
            self.journeys[worn.kid] = Journey(_pressed_ms(worn, felt) + HOLD_MS)
        elif worn.kid in self.journeys:
            station, words = _FELT_AS.get(felt.name, (f"{felt.name}_felt", ""))
            self.journeys[worn.kid].passes(station, felt.t_ms, words)

    def _is_over(self, kid: str) -> bool:
        """Whether a press begins another SOS."""
        journey = self.journeys.get(kid)
        return (
            journey is None or journey.tale is not SOS or journey.is_over or not journey.has_left
        )

    def _on_station(self, station: Station) -> None:
        """A report's early stations count once a later one shows what it is."""
        which = station.kid, station.boot, station.seq
        if not station.seq and station.name == "forwarded":
            self._reports.pop(which, None)  # of the gateway's own, which all have no number
        report = self._reports[which]
        report.passed.setdefault(station.name, station.monotonic_ms)
        report.kind = station.details.get("kind", report.kind)
        self._count(station.kid, report)
        if station.name == "stored" and self.on_stored is not None:
            self.on_stored(station)

    def _count(self, kid: str, report: _Report) -> None:
        journey = self.journeys.get(kid)
        if journey is not None and report.kind in journey.tale.about:
            for name, at_ms in report.passed.items():
                journey.passes(name, at_ms)

    def _on_received(self, line: Received) -> None:
        for worn in self.scene.worn:
            journey = self.journeys.get(worn.kid)
            if worn.account == line.account and journey and journey.tale.code == line.code:
                journey.passes("centre", line.at_s * 1000)


def _now_ms() -> float:
    return time.monotonic() * 1000


def _pressed_ms(worn: Worn, hold: Note) -> float:
    """When the button went down; the vibration of the hold begins when it has settled."""
    edges: list[float] = [event["t"] for event in worn.band.events if "pressed" in event]
    return edges[-1] if edges else hold.t_ms
