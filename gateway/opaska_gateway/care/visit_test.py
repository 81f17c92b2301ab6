# SPDX-License-Identifier: Apache-2.0
"""What a visit shows about its band: it tests itself at each touch, and the touch tells whether
reports get through. What is wrong is a fault until a later visit shows it right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opaska_gateway.care.alarm_kinds import fault_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# faults, stored as they are written here
NO_ANSWER: Final = "no_answer"
LATE: Final = "late"
BATTERY: Final = "battery"
SENSORS: Final = "sensors"
NO_RESULT: Final = "no_result"  # no fault of its own: such a band falls silent, or speaks yet

HOUR_MS: Final = 3_600_000
LATE_MS: Final = 600_000  # a touch that takes longer to come says that alarms would, too
LOW_PERCENT: Final = 20  # as the band counts it
ANSWER_S: Final = 60  # for which the band waits
PASSED: Final = "passed"

Findings = dict[str, str]  # fault: what is wrong; "" = it is right
CUT_SHORT: Final[Findings] = {NO_RESULT: "the band restarted meanwhile"}


class Care(NamedTuple):
    """Who sees to a fault, and by when."""

    in_charge: str
    within_ms: int


CARE: Final[Mapping[str, Care]] = {
    NO_ANSWER: Care("technician", 24 * HOUR_MS),  # an SOS from there may not get out
    LATE: Care("technician", 72 * HOUR_MS),
    BATTERY: Care("carer", 24 * HOUR_MS),
    SENSORS: Care("technician", 72 * HOUR_MS),
}


def of_test(
    round_trip_ms: int | None,
    battery_percent: int | None,
    broken: Sequence[int],
    *,
    restarted: bool = False,
) -> Findings:
    """What a band found out; one that has `restarted` since the touch knows of no answer."""
    found: Findings = {}
    if not is_cut_short(round_trip_ms, restarted=restarted):
        found[NO_ANSWER] = f"no answer within {ANSWER_S} s" if round_trip_ms is None else ""
    found[SENSORS] = ", ".join(map(fault_word, broken))
    if battery_percent is not None:
        found[BATTERY] = f"{battery_percent} %" if battery_percent <= LOW_PERCENT else ""
    return found


def is_cut_short(round_trip_ms: int | None, *, restarted: bool) -> bool:
    """Whether nobody knows how the way was."""
    return round_trip_ms is None and restarted


def of_touch(at_ms: int, error_ms: int | None, received_ms: int) -> Findings:
    """What the way of a touch's report tells; nothing, when nobody knows how long it took."""
    if error_ms is None:
        return {}
    took_ms = received_ms - at_ms - error_ms
    return {LATE: f"came {took_ms // 60_000} min later" if took_ms > LATE_MS else ""}


def of_silence(received_ms: int, now_ms: int) -> Findings:
    """What it tells that no test has come after a touch."""
    is_over = now_ms - received_ms > LATE_MS
    return {NO_RESULT: f"none within {LATE_MS // 60_000} min"} if is_over else {}


def result(of_touches: Iterable[Findings]) -> str:
    """What the touches of a visit have found, in words: what is wrong, or "passed"."""
    found = [(what, detail) for one in of_touches for what, detail in one.items()]
    wrong = [f"{what.replace('_', ' ')}: {detail}" for what, detail in found if detail]
    is_tested = any(what == NO_ANSWER for what, _ in found)
    return "; ".join(dict.fromkeys(wrong)) or (PASSED if is_tested else "")
