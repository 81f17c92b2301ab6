# SPDX-License-Identifier: Apache-2.0
"""What a band reports: types, kinds and fields. SPEC.md, section 5.

A verified report is never refused for its content: what is unknown or out of range is kept aside
and named, so that a newer or a faulty band still rings.
"""

from . import body as _body
from .body import BYTES, FLAG, INT, INTS, ROWS, TEXT, UINT, UINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# report types; 15..31 are reserved for telemetry to come
BOOT, HEARTBEAT, ALARM, FAULT, LINK_LOST = 1, 2, 3, 4, 5
ANNOUNCED_FALL, FALL_CANCELLED, MOTION = 6, 7, 8
POSITION, VITALS, WEAR, VISIT, ZONE, VISIT_TEST = 9, 10, 11, 12, 13, 14
FIRST_RINGING, LAST_RINGING = 32, 63  # types in here ring even when a gateway does not know them

# alarm kinds; open-ended: an unknown kind rings. A possible fall is announced instead, type 6
SOS, FALL, POSSIBLE_FALL, STRAP = 1, 2, 3, 4
ZONE_LEFT, INACTIVE, VITALS_LIMIT = 5, 6, 7
# what triggered an alarm
HOLD, THREE_PRESSES, POWER_UP, SENSOR = 1, 2, 3, 4
# why the band raised a fall that it had announced
DEADLINE, HELD_ON, STILL_AFTER_CANCEL, RESTARTED = 1, 2, 3, 4
# why it raised an alarm of the strap, or of a limit; each kind counts for itself
WHY_TAKEN_OFF, WHY_CUT = 1, 2
WHY_PULSE_LOW, WHY_PULSE_HIGH, WHY_SPO2_LOW = 1, 2, 3
# why it cancelled a fall
BY_HAND, WALKED_ON = 1, 2
# how it is worn
WORN, LOOSE, TAKEN_OFF, CUT, CHARGING = 1, 2, 3, 4, 5
# what speaks against "worn", as bits
LOOP_OPEN, PAD_AWAY, NO_CONTACT, ON_CHARGER = 1, 2, 4, 8
# whence a position is, and why it leaves the band
FROM_GNSS, FROM_CELL = 1, 2
FIX_FOR_ALARM, FIX_ON_REQUEST, FIX_FOR_ZONE, FIX_FOR_VISIT = 1, 2, 3, 4
# why the pulse was taken
PULSE_BY_SCHEDULE, PULSE_IN_ALARM, PULSE_ON_REQUEST, PULSE_AT_LIMIT = 1, 2, 3, 4
# causes of a boot
POWER_ON, HARD_RESET, WATCHDOG, DEEP_SLEEP = 1, 2, 3, 4
SOFT_RESET, BROWNOUT, UNKNOWN_CAUSE = 5, 6, 7
# builds: bench has a REPL, sealed has none
BENCH, SEALED = 1, 2
# links
CELLULAR, BLE, SMS = 1, 2, 3
# sources of wall time, weakest first
TIME_GATEWAY, TIME_NETWORK, TIME_GNSS = 1, 2, 3
# fault codes; open-ended
SETTINGS_BROKEN, FLASH_UNREADABLE, FLASH_FULL, FLASH_READ_ONLY, STATE_LOST = 1, 2, 3, 4, 5
ORDER_REFUSED, REPORTS_DROPPED, UNVERIFIED_ANSWERS, TASK_FAILED = 6, 7, 8, 9
MOTION_SENSOR = 10  # detail: what is wrong with it
BATTERY_LOW, BATTERY_CRITICAL, LAST_WORDS = 11, 12, 13
OXIMETER, GNSS, NFC, GAUGE, STRAP_SENSOR, CHARGED_TOO_LONG = 14, 15, 16, 17, 18, 19

MAX_ECHOES = 4  # answer states that one heartbeat echoes
COUNTDOWN_S = 20  # from the announcement of a fall until it is raised; SPEC.md, 5.1
MAX_COUNTDOWN_S = 300
MAX_MOTION = 51  # bytes of motion that fit a frame of 128
MAX_BROKEN = 8  # faults that one heartbeat lists
MAX_CARD = 10  # bytes of a card's UID
MAX_PROOF = 24  # bytes: 16 of encrypted PICC data, 8 of CMAC
MAX_TAPS = 9

_U32 = 0xFFFFFFFF
_U62 = (1 << 62) - 1

# fmt: off
_COMMON = (
    1, "uptime_ms", UINT, _U62, True,
    2, "time", INTS, 3, False,  # [source, unix seconds, error seconds]
)
_TABLES: "dict[int, tuple[Any, ...]]" = {
    BOOT: (
        4, "cause", UINT, _U32, True,
        5, "firmware", TEXT, 16, True,
        6, "build", UINT, _U32, True,
        7, "board", TEXT, 16, True,
        8, "safe_mode", FLAG, 0, False,
        9, "last_dseq", UINT, _U32, True,
    ),
    HEARTBEAT: (
        4, "battery_percent", UINT, 100, False,
        5, "battery_mv", UINT, 20_000, False,
        6, "free_bytes", UINT, _U32, True,
        7, "build", UINT, _U32, True,
        8, "link", UINT, _U32, True,
        9, "last_dseq", UINT, _U32, True,
        10, "waiting", UINT, _U32, True,
        11, "answers", ROWS, MAX_ECHOES, False,  # [boot, seq, state] of open reports
        12, "signal_dbm", INT, 200, False,
        13, "charging", FLAG, 0, False,
        14, "wear", UINT, _U32, False,  # a state as in WEAR
        15, "hours_left", UINT, 0xFFFF, False,  # of the battery, by forecast
        16, "broken", UINTS, MAX_BROKEN, False,  # fault codes of what does not work now
        17, "settings_version", UINT, _U32, False,
        18, "still_min", UINT, 0xFFFF, False,  # since the wearer last moved
    ),
    ALARM: (
        4, "kind", UINT, _U32, True,
        5, "battery_percent", UINT, 100, False,
        6, "trigger", UINT, _U32, False,
        7, "position", INTS, 4, False,  # [latitude 1e-7 deg, longitude, accuracy m, age s]
        8, "safe_mode", FLAG, 0, False,
        9, "of_seq", UINT, _U32, False,  # the announced fall that it ends
        10, "still", FLAG, 0, False,  # nobody has moved since the fall
        11, "why", UINT, _U32, False,
        12, "of_boot", UINT, _U32, False,  # boot of the announcement, if not this one
        13, "zone", UINT, _U32, False,  # which was left
    ),
    FAULT: (
        4, "code", UINT, _U32, True,
        5, "detail", TEXT, 32, False,
    ),
    LINK_LOST: (),
    ANNOUNCED_FALL: (
        4, "deadline_s", UINT, MAX_COUNTDOWN_S, True,
        5, "peak_mg", UINT, 0xFFFF, False,
        6, "score_percent", UINT, 100, False,
        7, "battery_percent", UINT, 100, False,
    ),
    FALL_CANCELLED: (
        4, "of_seq", UINT, _U32, True,
        5, "reason", UINT, _U32, True,
        6, "after_ms", UINT, _U32, False,
    ),
    MOTION: (
        4, "of_seq", UINT, _U32, True,
        5, "part", UINT, 0xFF, True,
        6, "parts", UINT, 0xFF, True,
        7, "data", BYTES, MAX_MOTION, True,
    ),
    POSITION: (
        4, "position", INTS, 4, False,  # as in an alarm; none with the cell alone
        5, "source", UINT, _U32, True,
        6, "why", UINT, _U32, True,
        7, "of_seq", UINT, _U32, False,  # the alarm or visit that it belongs to
        8, "of_boot", UINT, _U32, False,  # boot of that report, if not this one
        9, "cell", INTS, 4, False,  # [country, network, area, cell]
        10, "dseq", UINT, _U32, False,  # the order that asked for it
    ),
    VITALS: (
        4, "heart_rate_bpm", UINT, 300, False,
        5, "spo2_percent", UINT, 100, False,  # an orientation value
        6, "quality_percent", UINT, 100, True,
        7, "why", UINT, _U32, False,
    ),
    WEAR: (
        4, "state", UINT, _U32, True,
        5, "since_ms", UINT, _U62, True,  # uptime at which the state began
        6, "before", UINT, _U32, False,  # the state before
        7, "evidence", UINT, _U32, False,
    ),
    VISIT: (
        4, "begins", FLAG, 0, True,
        5, "card", BYTES, MAX_CARD, True,  # its UID
        6, "proof", BYTES, MAX_PROOF, False,  # none: a plain tag
        7, "taps", UINT, MAX_TAPS, True,  # how often the card was held to it: 1, 2, ..
        8, "away", FLAG, 0, False,  # from home
        9, "of_seq", UINT, _U32, False,  # the report that began what this one ends
        10, "of_boot", UINT, _U32, False,  # boot of that report, if not this one
    ),
    ZONE: (
        4, "zone", UINT, _U32, True,
        5, "inside", FLAG, 0, True,
        6, "position", INTS, 4, False,
    ),
    VISIT_TEST: (
        4, "of_seq", UINT, _U32, True,  # the visit's report
        5, "of_boot", UINT, _U32, False,  # boot of that report, if not this one
        6, "round_trip_ms", UINT, _U32, False,  # from sealing to STORED; none came: absent
        7, "battery_percent", UINT, 100, False,
        8, "broken", UINTS, MAX_BROKEN, False,  # fault codes of what does not work now
        9, "away", FLAG, 0, False,  # from home, found out since the visit's report
    ),
}
# fmt: on
_TABLES.update({type_: _COMMON + fields for type_, fields in _TABLES.items()})


class Report:
    """Fields by name, unknown ones by key; `problems` names those that are bad or missing."""

    __slots__ = ("fields", "problems", "type", "unknown")

    def __init__(
        self,
        type_: int,
        fields: "dict[str, Any]",
        unknown: "dict[int, Any]",
        problems: "list[str]",
    ) -> None:
        self.type = type_
        self.fields = fields
        self.unknown = unknown
        self.problems = problems


def encode_report(type_: int, fields: "dict[str, Any]") -> bytes:
    """The body of a report of a known type; BodyError("missing_field" or "bad_field")."""
    return _body.encode(type_, _TABLES[type_], fields)


def decode_report(data: bytes) -> Report:
    """The report in an opened body. CborError or BodyError("not_a_map"), never for a field."""
    type_, rest = _body.decode(data)
    fields, problems = _body.named(rest, _TABLES.get(type_, _COMMON))
    return Report(type_, fields, rest, problems)


def rings(type_: int) -> bool:
    """Whether a report of this type is an alarm, known or not."""
    return type_ == ALARM or FIRST_RINGING <= type_ <= LAST_RINGING


def is_urgent(type_: int) -> bool:
    """Whether it travels on the urgent topic: alarms, what may become one or hide one."""
    return rings(type_) or type_ in (FAULT, ANNOUNCED_FALL, FALL_CANCELLED)
