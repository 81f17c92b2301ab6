# SPDX-License-Identifier: Apache-2.0
"""What a report means to a human: its kind of alarm or fault, as receivers' profiles name it."""

from __future__ import annotations

from typing import Final

from opaska_protocol import reports

OTHER: Final = "other"  # an alarm that this gateway does not know: it rings all the same

_A_FALL: Final = (reports.ALARM, reports.FALL)
STILL_FALL: Final = "fall_no_movement"  # a fall after which nobody has moved

SIGNAL_KINDS: Final = {
    reports.SOS: "sos",
    reports.FALL: "fall",
    reports.POSSIBLE_FALL: "possible_fall",
    reports.STRAP: "strap",
    reports.ZONE_LEFT: "zone_left",
    reports.INACTIVE: "no_activity",
    reports.VITALS_LIMIT: "heart_rate",
}
BY_REASON: Final = {  # (kind, why) of those that have a word of their own
    (reports.STRAP, reports.WHY_CUT): "strap_cut",
    (reports.VITALS_LIMIT, reports.WHY_SPO2_LOW): "oxygen",
}

OTHER_FAULT: Final = "fault"  # one that this gateway does not know: somebody should look

FAULT_KINDS: Final = {
    reports.SETTINGS_BROKEN: "fault_settings_broken",
    reports.FLASH_UNREADABLE: "fault_flash_unreadable",
    reports.FLASH_FULL: "fault_flash_full",
    reports.FLASH_READ_ONLY: "fault_flash_read_only",
    reports.STATE_LOST: "fault_state_lost",
    reports.ORDER_REFUSED: "fault_order_refused",
    reports.REPORTS_DROPPED: "fault_reports_dropped",
    reports.UNVERIFIED_ANSWERS: "fault_unverified_answers",
    reports.TASK_FAILED: "fault_task_failed",
    reports.MOTION_SENSOR: "fault_motion_sensor",
    reports.BATTERY_LOW: "battery_low",
    reports.BATTERY_CRITICAL: "battery_critical",
    reports.LAST_WORDS: "battery_dead",
    reports.OXIMETER: "fault_oximeter",
    reports.GNSS: "fault_gnss",
    reports.NFC: "fault_nfc",
    reports.GAUGE: "fault_gauge",
    reports.STRAP_SENSOR: "fault_strap_sensor",
    reports.CHARGED_TOO_LONG: "fault_charged_too_long",
    reports.SAFE_MODE: "fault_safe_mode",
    reports.SIM_CARD: "fault_sim_card",
}


def fault_kind(code: int | None) -> str:
    """The word for a fault; a profile without a row for it keeps it from the centre."""
    return OTHER_FAULT if code is None else FAULT_KINDS.get(code, OTHER_FAULT)


def fault_word(code: int | None) -> str:
    """For a technician, who wants the number of what this gateway does not know."""
    if code is None:
        return "unreadable"
    kind = fault_kind(code)
    return f"code {code}" if kind == OTHER_FAULT else kind.removeprefix("fault_").replace("_", " ")


def rung_kind(report_type: int, alarm_kind: int | None) -> tuple[int, int | None]:
    """(type, kind) of an alarm as a case holds it: a fall is one, whoever has raised it."""
    if report_type == reports.ANNOUNCED_FALL:
        return _A_FALL
    return report_type, alarm_kind


def rung_by(type_: int, kind: int | None) -> tuple[int, ...]:
    """The types of the reports that a case holds as this (type, kind)."""
    return (type_, reports.ANNOUNCED_FALL) if (type_, kind) == _A_FALL else (type_,)


def signal_kind(
    report_type: int, alarm_kind: int | None, why: int | None = None, *, still: bool = False
) -> str:
    """The word that a receiver's profile turns into a code."""
    type_, kind = rung_kind(report_type, alarm_kind)
    if type_ != reports.ALARM or kind is None:
        return OTHER
    if still and kind == reports.FALL:
        return STILL_FALL
    by_reason = BY_REASON.get((kind, why)) if why is not None else None
    return by_reason or SIGNAL_KINDS.get(kind, OTHER)
