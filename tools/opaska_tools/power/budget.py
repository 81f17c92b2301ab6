# SPDX-License-Identifier: Apache-2.0
"""How many days the cell lasts: currents of power.toml times the hours of a day in each state.
Pure arithmetic."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from opaska_tools.simulator.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opaska_tools.power.lived import Lived, Times

FOLDER = ROOT / "hardware" / "band_v1"
TABLE = FOLDER / "power.toml"
KEPT = FOLDER / "power_budget.json"
DEARER = 0.05  # so much of the days may be lost before a check fails
_DAY_H = 24

Items = dict[str, float]  # what -> mAh a day


class Budget:
    """What `opaska power budget` says, for each design and profile."""

    def __init__(self, table: Mapping[str, Any], lived: Lived) -> None:
        self._table = table
        self._lived = lived
        self._ma = {(draw["part"], draw["state"]): draw["ma"] for draw in table["draw"]}
        self.capacity_mah = table["cell"]["mah"] * table["cell"]["usable"]

    def days(self) -> dict[str, dict[str, float]]:
        """Design -> profile -> days."""
        return {
            design: {
                profile: round(self.capacity_mah / sum(self.items(design, profile).values()), 2)
                for profile in self._table["profile"]
            }
            for design in self._table["design"]
        }

    def items(self, design_name: str, profile_name: str) -> Items:
        """What a day takes, by what for."""
        design = self._table["design"][design_name]
        profile = self._table["profile"][profile_name]
        hour = self._lived.lost if design.get("without_network") else self._lived.hour
        return {
            **self._processor(design, profile, hour),
            **self._modem(design, profile, hour),
            **self._oximeter(profile),
            **self._always(),
            **self._felt(profile),
        }

    def _processor(
        self, design: Mapping[str, Any], profile: Mapping[str, Any], hour: Times
    ) -> Items:
        """Woken by the clock, by motion, in alarms; awake while it talks, plays or measures; and
        the rest of the time as the design says."""
        alarm, durations = self._lived.alarm, self._table["durations"]
        by_motion = profile["motion_wakes_per_hour"] + durations["looks_per_moving_hour"]
        wakes = {
            "by the clock": hour.sleeps * _DAY_H,
            "by motion": by_motion * profile["awake_h"],
            "in alarms": alarm.sleeps * profile["alarms"],
        }
        wake_h = durations["wake_s"] / 3600
        alarm_h = profile["alarms"] * (alarm.seconds - alarm.asleep_s) / 3600
        busy_h = _DAY_H * max(0.0, 1 - hour.asleep_s / hour.seconds) + alarm_h
        rest_h = _DAY_H - sum(wakes.values()) * wake_h - busy_h
        items = {
            f"processor, woken {why}": count * wake_h * self._ma["processor", "active"]
            for why, count in wakes.items()
        }
        state = design["processor"]
        return items | {
            "processor, busy": busy_h * self._ma["processor", "waiting"],
            f"processor, {state}": rest_h * self._ma["processor", state],
        }

    def _modem(self, design: Mapping[str, Any], profile: Mapping[str, Any], hour: Times) -> Items:
        """While it is connected it does not sleep, nor while it listens to the processor. Alarms
        without a network are taken as with one."""
        alarm = self._lived.alarm
        contact_h = self._table["durations"]["contact_s"] / 3600
        contacts = 0.0 if design.get("without_network") else self.contacts_per_hour(profile)
        usual_h = contacts * _DAY_H * contact_h
        alarm_h = profile["alarms"] * min(alarm.seconds / 3600, alarm.contacts * contact_h)
        listens_h = _DAY_H * hour.modem_awake_s / hour.seconds
        listens_h += profile["alarms"] * alarm.modem_awake_s / 3600
        idle_h = max(0.0, listens_h - usual_h - alarm_h)
        connected, rest = self._ma["modem", "connected"], self._ma["modem", design["modem"]]
        return {
            "modem, connected": usual_h * connected,
            "modem, in alarms": alarm_h * connected,
            "modem, listens": idle_h * self._ma["modem", "idle"],
            f"modem, {design['modem']}": (_DAY_H - usual_h - alarm_h - idle_h) * rest,
            "GNSS in alarms": profile["alarms"] * alarm.gnss_s / 3600 * self._ma["gnss", "on"],
        }

    def contacts_per_hour(self, profile: Mapping[str, Any]) -> float:
        """One for each heartbeat and each measurement of the pulse; nothing is said between."""
        heartbeat_s: int = profile["heartbeat_s"]
        pulses: int = profile["pulses"]
        return 3600 / heartbeat_s + pulses / _DAY_H

    def _oximeter(self, profile: Mapping[str, Any]) -> Items:
        """An hour has one measurement; an alarm its own."""
        lived = self._lived
        on_s = profile["pulses"] * lived.hour.oximeter_s
        on_h = (on_s + profile["alarms"] * lived.alarm.oximeter_s) / 3600
        on, off = self._ma["oximeter", "on"], self._ma["oximeter", "off"]
        return {"oximeter": on_h * on + (_DAY_H - on_h) * off}

    def _always(self) -> Items:
        parts = ("accelerometer", "gauge", "strap", "regulator")
        items = {part: _DAY_H * self._ma[part, "on"] for part in parts}
        return items | {"nfc, off": _DAY_H * self._ma["nfc", "off"]}

    def _felt(self, profile: Mapping[str, Any]) -> Items:
        """Motor, buzzer and light in alarms; without one they are still."""
        mas = 0.0
        for output, took_s in self._lived.alarm.outputs_s.items():
            mas += took_s * self._ma[output.partition("_")[0], "on"]
        return {"motor, buzzer, light": profile["alarms"] * mas / 3600}


def table() -> dict[str, Any]:
    """power.toml"""
    return tomllib.loads(TABLE.read_text())


def dearer(
    before: Mapping[str, Mapping[str, float]], now: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """What lost more than DEARER of its days, or is gone, in words."""
    lines: list[str] = []
    for design, profiles in before.items():
        for profile, days in profiles.items():
            left = now.get(design, {}).get(profile, 0.0)
            if left < days * (1 - DEARER):
                lines.append(f"{design}, {profile}: {days} days before, {left} now")
    return lines
