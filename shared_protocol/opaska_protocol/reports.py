# SPDX-License-Identifier: Apache-2.0
"""What a band reports: types, kinds and fields. SPEC.md, section 5.

A verified report is never refused for its content: what is unknown or out of range is kept aside
and named, so that a newer or a faulty band still rings.
"""

from . import body as _body
from .body import BYTES, FLAG, INT, INTS, LIMIT, REQUIRED, ROWS, TEXT, U16, U32, U62, UINT, UINTS

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
SAFE_MODE, SIM_CARD = 20, 21

MAX_ECHOES = 4  # answer states that one heartbeat echoes
COUNTDOWN_S = 20  # from the announcement of a fall until it is raised; SPEC.md, 5.1
MAX_COUNTDOWN_S = 300
MAX_MOTION = 51  # bytes of motion that fit a frame of 128
MAX_BROKEN = 8  # faults that one heartbeat lists
MAX_CARD = 10  # bytes of a card's UID
MAX_PROOF = 24  # bytes: 16 of encrypted PICC data, 8 of CMAC
MAX_TAPS = 9

# fmt: off
_COMMON = (
    1 | UINT | REQUIRED | U62, "uptime_ms",
    2 | INTS | 3 << LIMIT, "time",  # [source, unix seconds, error seconds]
)


def _with_common(*fields: "Any") -> "tuple[Any, ...]":
    return _COMMON + fields


def _table(type_: int) -> "tuple[Any, ...]":  # noqa: C901 - a table
    """The fields of a type, made anew: they take 2 KB together. () of an unknown one."""
    if type_ == BOOT:
        return _with_common(
            4 | UINT | REQUIRED | U32, "cause",
            5 | TEXT | REQUIRED | 16 << LIMIT, "firmware",
            6 | UINT | REQUIRED | U32, "build",
            7 | TEXT | REQUIRED | 16 << LIMIT, "board",
            8 | FLAG, "safe_mode",
            9 | UINT | REQUIRED | U32, "last_dseq",
        )
    if type_ == HEARTBEAT:
        return _with_common(
            4 | UINT | 100 << LIMIT, "battery_percent",
            5 | UINT | 20_000 << LIMIT, "battery_mv",
            6 | UINT | REQUIRED | U32, "free_bytes",
            7 | UINT | REQUIRED | U32, "build",
            8 | UINT | REQUIRED | U32, "link",
            9 | UINT | REQUIRED | U32, "last_dseq",
            10 | UINT | REQUIRED | U32, "waiting",
            11 | ROWS | MAX_ECHOES << LIMIT, "answers",  # [boot, seq, state] of open reports
            12 | INT | 200 << LIMIT, "signal_dbm",
            13 | FLAG, "charging",
            14 | UINT | U32, "wear",  # a state as in WEAR
            15 | UINT | U16, "hours_left",  # of the battery, by forecast
            16 | UINTS | MAX_BROKEN << LIMIT, "broken",  # fault codes of what does not work now
            17 | UINT | U32, "settings_version",
            18 | UINT | U16, "still_min",  # since the wearer last moved
        )
    if type_ == ALARM:
        return _with_common(
            4 | UINT | REQUIRED | U32, "kind",
            5 | UINT | 100 << LIMIT, "battery_percent",
            6 | UINT | U32, "trigger",
            7 | INTS | 4 << LIMIT, "position",  # [latitude 1e-7 deg, longitude, accuracy m, age s]
            8 | FLAG, "safe_mode",
            9 | UINT | U32, "of_seq",  # the announced fall that it ends
            10 | FLAG, "still",  # nobody has moved since the fall
            11 | UINT | U32, "why",
            12 | UINT | U32, "of_boot",  # boot of the announcement, if not this one
            13 | UINT | U32, "zone",  # which was left
        )
    if type_ == FAULT:
        return _with_common(
            4 | UINT | REQUIRED | U32, "code",
            5 | TEXT | 32 << LIMIT, "detail",
        )
    if type_ == LINK_LOST:
        return _COMMON
    if type_ == ANNOUNCED_FALL:
        return _with_common(
            4 | UINT | REQUIRED | MAX_COUNTDOWN_S << LIMIT, "deadline_s",
            5 | UINT | U16, "peak_mg",
            6 | UINT | 100 << LIMIT, "score_percent",
            7 | UINT | 100 << LIMIT, "battery_percent",
        )
    if type_ == FALL_CANCELLED:
        return _with_common(
            4 | UINT | REQUIRED | U32, "of_seq",
            5 | UINT | REQUIRED | U32, "reason",
            6 | UINT | U32, "after_ms",
        )
    if type_ == MOTION:
        return _with_common(
            4 | UINT | REQUIRED | U32, "of_seq",
            5 | UINT | REQUIRED | 0xFF << LIMIT, "part",
            6 | UINT | REQUIRED | 0xFF << LIMIT, "parts",
            7 | BYTES | REQUIRED | MAX_MOTION << LIMIT, "data",
        )
    if type_ == POSITION:
        return _with_common(
            4 | INTS | 4 << LIMIT, "position",  # as in an alarm; none with the cell alone
            5 | UINT | REQUIRED | U32, "source",
            6 | UINT | REQUIRED | U32, "why",
            7 | UINT | U32, "of_seq",  # the alarm or visit that it belongs to
            8 | UINT | U32, "of_boot",  # boot of that report, if not this one
            9 | INTS | 4 << LIMIT, "cell",  # [country, network, area, cell]
            10 | UINT | U32, "dseq",  # the order that asked for it
        )
    if type_ == VITALS:
        return _with_common(
            4 | UINT | 300 << LIMIT, "heart_rate_bpm",
            5 | UINT | 100 << LIMIT, "spo2_percent",  # an orientation value
            6 | UINT | REQUIRED | 100 << LIMIT, "quality_percent",
            7 | UINT | U32, "why",
        )
    if type_ == WEAR:
        return _with_common(
            4 | UINT | REQUIRED | U32, "state",
            5 | UINT | REQUIRED | U62, "since_ms",  # uptime at which the state began
            6 | UINT | U32, "before",  # the state before
            7 | UINT | U32, "evidence",
        )
    if type_ == VISIT:
        return _with_common(
            4 | FLAG | REQUIRED, "begins",
            5 | BYTES | REQUIRED | MAX_CARD << LIMIT, "card",  # its UID
            6 | BYTES | MAX_PROOF << LIMIT, "proof",  # none: a plain tag
            7 | UINT | REQUIRED | MAX_TAPS << LIMIT, "taps",  # how often it was held there
            8 | FLAG, "away",  # from home
            9 | UINT | U32, "of_seq",  # the report that began what this one ends
            10 | UINT | U32, "of_boot",  # boot of that report, if not this one
        )
    if type_ == ZONE:
        return _with_common(
            4 | UINT | REQUIRED | U32, "zone",
            5 | FLAG | REQUIRED, "inside",
            6 | INTS | 4 << LIMIT, "position",
        )
    if type_ == VISIT_TEST:
        return _with_common(
            4 | UINT | REQUIRED | U32, "of_seq",  # the visit's report
            5 | UINT | U32, "of_boot",  # boot of that report, if not this one
            6 | UINT | U32, "round_trip_ms",  # from sealing to STORED; none came: absent
            7 | UINT | 100 << LIMIT, "battery_percent",
            8 | UINTS | MAX_BROKEN << LIMIT, "broken",  # fault codes of what does not work now
            9 | FLAG, "away",  # from home, found out since the visit's report
        )
    return ()


# fmt: on
_latest: "list[tuple[int, tuple[Any, ...]]]" = [(BOOT, _table(BOOT))]  # most are heartbeats


def _fields(type_: int) -> "tuple[Any, ...]":
    known, table = _latest[0]
    if known != type_:
        table = _table(type_)
        _latest[0] = type_, table  # at once: a gateway has threads
    return table


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
    return _body.encode(type_, _fields(type_), fields)


def decode_report(data: bytes) -> Report:
    """The report in an opened body. CborError or BodyError("not_a_map"), never for a field."""
    type_, rest = _body.decode(data)
    fields, problems = _body.named(rest, _fields(type_) or _COMMON)
    return Report(type_, fields, rest, problems)


def rings(type_: int) -> bool:
    """Whether a report of this type is an alarm, known or not."""
    return type_ == ALARM or FIRST_RINGING <= type_ <= LAST_RINGING


def is_urgent(type_: int) -> bool:
    """Whether it travels on the urgent topic: alarms, what may become one or hide one."""
    return rings(type_) or type_ in (FAULT, ANNOUNCED_FALL, FALL_CANCELLED)
