# SPDX-License-Identifier: Apache-2.0
"""What the gateway may order: allow-listed kinds, with a strictly rising dseq. SPEC.md, 7."""

from . import body as _body
from .body import LIMIT, MAP, REQUIRED, U32, UINT
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ORDER = 16  # body type

# order kinds; 5..15 are reserved (call, message, keys, update, ...)
SETTINGS, LOCATE, ZONES, MEASURE = 1, 2, 3, 4

_U32 = 0xFFFFFFFF
# fmt: off
_TABLE = (
    1 | UINT | REQUIRED | U32, "dseq",
    2 | UINT | REQUIRED | U32, "kind",
    3 | MAP | REQUIRED | 32 << LIMIT, "arguments",
)
# settings, whose place is their key: name, lowest, highest, default. A boolean's range is 0, 1.
_SETTINGS: "Any" = (
    "version", 0, _U32, 0,  # of the whole set; 0 = nobody's, as the defaults
    "hold_ms", 0, 1_000, 500,  # how long the button is held for an SOS
    "heartbeat_s", 60, 3_600, 1_200,
    "quiet", 0, 1, False,  # no buzzer, stronger vibration
    "fall_profile", 1, 3, 2,  # careful, standard, keen; a fall is never just off
    "fall_cancel_by_hand", 0, 1, True,
    "wear_alarm", 0, 1, True,  # whether taking it off rings
    "strap_profile", 1, 3, 2,  # patient, standard, quick to say "taken off"
    "pulse_minutes", 0, 240, 60,  # between two measurements; 0 = none
    "hr_low", 0, 200, 0,  # 1/min; limits at 0 are off
    "hr_high", 0, 250, 0,
    "spo2_low", 0, 100, 0,  # %
    "inactive_hours", 0, 24, 0,  # without movement while worn and awake; 0 = off
    "awake_from", 0, 1_439, 420,  # minute of the local day
    "awake_to", 0, 1_439, 1_320,
    "utc_offset_min", -720, 840, 60,  # local time less UTC
)
# fmt: on
_WIDTH = 4  # items of a row


class Order:
    """One order; `arguments` still as on the wire (integer keys)."""

    __slots__ = ("arguments", "dseq", "kind")

    def __init__(self, dseq: int, kind: int, arguments: "dict[int, Any]") -> None:
        self.dseq = dseq
        self.kind = kind
        self.arguments = arguments


def encode_order(order: Order) -> bytes:
    fields = {"dseq": order.dseq, "kind": order.kind, "arguments": order.arguments}
    return _body.encode(ORDER, _TABLE, fields)


def decode_order(data: bytes) -> Order:
    """CborError or BodyError with its reason."""
    type_, rest = _body.decode(data)
    if type_ != ORDER:
        raise BodyError("wrong_type")
    fields, problems = _body.named(rest, _TABLE)
    if problems:
        raise BodyError("bad_field")
    return Order(**fields)


def settings_fields() -> "list[tuple[int, str, int, int, Any]]":
    """(key, name, lowest, highest, default) of each setting; what is on or off has 0, 1."""
    rows = range(0, len(_SETTINGS), _WIDTH)
    return [(row // _WIDTH,) + _SETTINGS[row : row + _WIDTH] for row in rows]


def settings_to_wire(settings: "dict[str, Any]") -> "dict[int, Any]":
    """Arguments of a settings order; BodyError("bad_field") for an unknown name or bad value."""
    wire: "dict[int, Any]" = {}
    for row in range(0, len(_SETTINGS), _WIDTH):
        if _SETTINGS[row] in settings:
            wire[row // _WIDTH] = _checked(row, settings[_SETTINGS[row]])
    if len(wire) != len(settings):
        raise BodyError("bad_field")
    return wire


def settings_from_wire(arguments: "dict[int, Any]") -> "dict[str, Any]":
    """The settings named, each in its range; BodyError with the `field` of a bad one."""
    settings: "dict[str, Any]" = {}
    for key, value in arguments.items():
        row = key * _WIDTH
        if not 0 <= row < len(_SETTINGS):
            raise BodyError("bad_field", "key %d" % key)
        settings[_SETTINGS[row]] = _checked(row, value)
    return settings


def whole_settings(
    named: "dict[str, Any]", before: "dict[str, Any] | None" = None
) -> "dict[str, Any]":
    """All settings: those named, others as `before`, or their defaults. BodyError for a clash."""
    whole: "dict[str, Any]" = {}
    for row in range(0, len(_SETTINGS), _WIDTH):
        name, _, _, default = _SETTINGS[row : row + _WIDTH]
        whole[name] = named.get(name, default if before is None else before[name])
    _check_together(whole)
    return whole


def _check_together(whole: "dict[str, Any]") -> None:
    """BodyError, naming the settings that do not fit together."""
    low, high = whole["hr_low"], whole["hr_high"]
    awake_min = whole["awake_to"] - whole["awake_from"]
    if low and high and low >= high:
        raise BodyError("bad_field", "hr_low hr_high")
    if (low or high or whole["spo2_low"]) and not whole["pulse_minutes"]:
        raise BodyError("bad_field", "pulse_minutes")  # a limit that nobody measures
    if awake_min <= 0:
        raise BodyError("bad_field", "awake_to")
    if whole["inactive_hours"] * 60 > awake_min:
        raise BodyError("bad_field", "inactive_hours")  # it could never ring


def _checked(row: int, value: "Any") -> "Any":
    name, low, high, default = _SETTINGS[row : row + _WIDTH]
    is_flag = value is True or value is False
    is_right = isinstance(value, int) or is_flag  # MicroPython's booleans are no integers
    if is_right and is_flag == isinstance(default, bool) and low <= value <= high:
        return value
    raise BodyError("bad_field", name)


def body_type(data: bytes) -> int:
    """The type of a verified down body: ANSWER, ORDER or unknown; CborError or BodyError."""
    return _body.decode(data)[0]
