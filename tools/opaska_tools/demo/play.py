# SPDX-License-Identifier: Apache-2.0
"""The scene of the demo, and who follows the journeys on it."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from opaska_tools.demo.journey import Journey
from opaska_tools.simulator.records import Note
from opaska_tools.stage.scene import SOS_CODE, Scene

if TYPE_CHECKING:
    from pathlib import Path

    from opaska_tools.simulator.records import Signal
    from opaska_tools.stage.gateway import Station
    from opaska_tools.stage.receiver import Received
    from opaska_tools.stage.scene import Worn

BANDS = 2
HOLD_MS = 500  # the band's default setting
_FELT = {  # pattern of the wrist -> station
    "working": "working_felt",
    "stored": "stored_felt",
    "accepted": "accepted_felt",
}
_OF_AN_ALARM = ("case_opened", "forwarded")  # stations that only alarms pass


class Play:
    """A scene with two bands; `journeys` holds the present one of each band, by kid."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(folder, BANDS, on_station=self._on_station)
        self.journeys: dict[str, Journey] = {}
        self._reports: dict[tuple[str, int, int], dict[str, float]] = defaultdict(dict)
        self.scene.receiver.on_received = self._on_received

    def follow(self) -> None:
        """From now on listen to what the wrists feel."""
        for worn in self.scene.worn:
            worn.band.on_felt = partial(self._on_felt, worn)

    def _on_felt(self, worn: Worn, felt: Signal | Note) -> None:
        if not isinstance(felt, Note):
            return
        if felt.name == "hold" and self._is_over(worn.kid):
            self.journeys[worn.kid] = Journey(_pressed_ms(worn, felt) + HOLD_MS)
        elif felt.name in _FELT and worn.kid in self.journeys:
            self.journeys[worn.kid].passes(_FELT[felt.name], felt.t_ms)

    def _is_over(self, kid: str) -> bool:
        journey = self.journeys.get(kid)
        return journey is None or journey.is_over or not journey.has_left

    def _on_station(self, station: Station) -> None:
        """A report's early stations count once a later one shows that it is an alarm."""
        passed = self._reports[station.kid, station.boot, station.seq]
        passed.setdefault(station.name, station.monotonic_ms)
        journey = self.journeys.get(station.kid)
        if journey is not None and any(name in passed for name in _OF_AN_ALARM):
            for name, at_ms in passed.items():
                journey.passes(name, at_ms)

    def _on_received(self, line: Received) -> None:
        for worn in self.scene.worn:
            if worn.account == line.account and line.code == SOS_CODE:
                journey = self.journeys.get(worn.kid)
                if journey is not None:
                    journey.passes("centre", line.at_s * 1000)


def _pressed_ms(worn: Worn, hold: Note) -> float:
    """When the button went down; the vibration of the hold begins when it has settled."""
    edges: list[float] = [event["t"] for event in worn.band.events if "pressed" in event]
    return edges[-1] if edges else hold.t_ms
