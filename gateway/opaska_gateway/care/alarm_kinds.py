# SPDX-License-Identifier: Apache-2.0
"""What a report means to a human: its kind of alarm, and its name at the monitoring centre."""

from __future__ import annotations

from typing import Final

from opaska_protocol import reports

OTHER: Final = "other"  # an alarm that this gateway does not know: it rings all the same

SIGNAL_KINDS: Final = {
    reports.SOS: "sos",
    reports.FALL: "fall",
    reports.POSSIBLE_FALL: "possible_fall",
    reports.STRAP: "strap",
}


def signal_kind(report_type: int, alarm_kind: int | None) -> str:
    """The word that a receiver's profile turns into a code."""
    if report_type != reports.ALARM or alarm_kind is None:
        return OTHER
    return SIGNAL_KINDS.get(alarm_kind, OTHER)
