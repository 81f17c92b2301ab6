# SPDX-License-Identifier: Apache-2.0
"""What a stored report says, for whoever watches: its kind, and words for stations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from opaska_gateway.care.alarm_kinds import fault_kind, fault_word, signal_kind
from opaska_protocol import reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_protocol.reports import Report

    Fields = dict[str, Any]

_WORN = {
    reports.WORN: "worn",
    reports.LOOSE: "worn loosely",
    reports.TAKEN_OFF: "taken off",
    reports.CUT: "strap cut",
    reports.CHARGING: "charging, which rings nowhere",
}


class Told(NamedTuple):
    """`kind` as a tale is about it; `words` by the station that they belong to."""

    kind: str
    words: dict[str, str]


def told(report: Report) -> Told | None:
    """None: of no tale."""
    tell = _TELLS.get(report.type)
    return tell(report.fields) if tell else None


def _alarm(fields: Fields) -> Told:
    return Told(signal_kind(reports.ALARM, fields.get("kind"), fields.get("why")), {})


def _fault(fields: Fields) -> Told:
    return Told(fault_kind(fields.get("code")), {})


def _heartbeat(fields: Fields) -> Told:
    percent, millivolts = fields.get("battery_percent"), fields.get("battery_mv")
    charging = ", charging" if fields.get("charging") else ""
    words = "no fuel gauge" if percent is None else f"{percent} %, {millivolts} mV{charging}"
    return Told("heartbeat", {"heartbeat": words})


def _vitals(fields: Fields) -> Told:
    bpm, spo2 = fields.get("heart_rate_bpm"), fields.get("spo2_percent")
    pulse = "none was good enough" if bpm is None else f"{bpm} a minute"
    saturation = "none was good enough" if spo2 is None else f"{spo2} %"
    return Told(
        "vitals",
        {
            "pulse": f"{pulse}, quality {fields.get('quality_percent')} %",
            "saturation": f"{saturation}, an orientation value",
        },
    )


def _position(fields: Fields) -> Told:
    return Told("position", {"position": _place(fields.get("position"))})


def _zone(fields: Fields) -> Told:
    edge = "entered" if fields.get("inside") else "left"
    return Told("zone", {"zone": f"zone {fields.get('zone')} {edge}"})


def _wear(fields: Fields) -> Told:
    return Told("wear", {"wear": _WORN.get(fields.get("state", 0), "unknown")})


def _visit(_: Fields) -> Told:
    return Told("visit", {})


def _visit_test(fields: Fields) -> Told:
    trip_ms = fields.get("round_trip_ms")
    broken: list[int] = fields.get("broken") or []
    answer = "no answer" if trip_ms is None else f"answered in {trip_ms} ms"
    if trip_ms is None and "of_boot" in fields:
        answer = "restarted meanwhile"
    parts = ", ".join(fault_word(code) for code in broken) or "nothing"
    words = f"{answer}, {fields.get('battery_percent')} %, {parts} broken"
    return Told("visit_test", {"test": words})


def visit_words(visit: dict[str, Any]) -> dict[str, str]:
    """A line of the gateway's list of visits, by station."""
    planned = visit["planned"]
    what = f"service {visit['service']}"
    words = {
        "who": f"{visit['carer']} at {visit['person']}; card {visit['proof']}",
        "what": f"{what}, {planned['minutes']} minutes planned" if planned else what,
        "when": " to ".join(
            _clock(visit[name]) for name in ("from_ms", "to_ms") if visit[name] is not None
        ),
        "where": visit["where"],
    }
    return {station: said for station, said in words.items() if said}


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000).astimezone():%H:%M:%S}"


def _place(position: list[int] | None) -> str:
    if not position:
        return "only the cell is known"
    lat_e7, lon_e7, accuracy_m, age_s = position
    return f"{lat_e7 / 1e7:.5f}, {lon_e7 / 1e7:.5f} within {accuracy_m} m, {age_s} s old"


_TELLS: dict[int, Callable[[Fields], Told]] = {
    reports.ALARM: _alarm,
    reports.FAULT: _fault,
    reports.HEARTBEAT: _heartbeat,
    reports.VITALS: _vitals,
    reports.POSITION: _position,
    reports.ZONE: _zone,
    reports.WEAR: _wear,
    reports.VISIT: _visit,
    reports.VISIT_TEST: _visit_test,
}
