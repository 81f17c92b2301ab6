# SPDX-License-Identifier: Apache-2.0
"""What the gateway may order: allow-listed kinds, with a strictly rising dseq. SPEC.md, 7."""

from . import body as _body
from .body import FLAG, INT, MAP, UINT
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ORDER = 16  # body type

# order kinds; 4..15 are reserved (call, message, keys, update, ...)
SETTINGS, LOCATE, ZONES = 1, 2, 3

_U32 = 0xFFFFFFFF
# fmt: off
_TABLE = (
    1, "dseq", UINT, _U32, True,
    2, "kind", UINT, _U32, True,
    3, "arguments", MAP, 32, True,
)
# fmt: on
# settings by key: name, check, lowest, highest, default
SETTINGS_FIELDS = (
    (0, "version", UINT, 0, _U32, 0),  # of the whole set; 0 = nobody's, as the defaults
    (1, "hold_ms", UINT, 0, 1_000, 500),  # how long the button is held for an SOS
    (2, "heartbeat_s", UINT, 60, 3_600, 300),
    (3, "quiet", FLAG, 0, 0, False),  # no buzzer, stronger vibration
    (4, "fall_profile", UINT, 1, 3, 2),  # careful, standard, keen; a fall is never just off
    (5, "fall_cancel_by_hand", FLAG, 0, 0, True),
    (6, "wear_alarm", FLAG, 0, 0, True),  # whether taking it off rings
    (7, "strap_profile", UINT, 1, 3, 2),  # patient, standard, quick to say "taken off"
    (8, "pulse_minutes", UINT, 0, 240, 60),  # between two measurements; 0 = none
    (9, "hr_low", UINT, 0, 200, 0),  # 1/min; limits at 0 are off
    (10, "hr_high", UINT, 0, 250, 0),
    (11, "spo2_low", UINT, 0, 100, 0),  # %
    (12, "inactive_hours", UINT, 0, 24, 0),  # without movement while worn and awake; 0 = off
    (13, "awake_from", UINT, 0, 1_439, 420),  # minute of the local day
    (14, "awake_to", UINT, 0, 1_439, 1_320),
    (15, "utc_offset_min", INT, -720, 840, 60),  # local time less UTC
)


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


def settings_to_wire(settings: "dict[str, Any]") -> "dict[int, Any]":
    """Arguments of a settings order; BodyError("bad_field") for an unknown name or bad value."""
    wire: "dict[int, Any]" = {}
    for key, name, check, low, high, _ in SETTINGS_FIELDS:
        if name in settings:
            wire[key] = _checked(name, settings[name], check, low, high)
    if len(wire) != len(settings):
        raise BodyError("bad_field")
    return wire


def settings_from_wire(arguments: "dict[int, Any]") -> "dict[str, Any]":
    """The settings named, each in its range; BodyError with the `field` of a bad one."""
    settings: "dict[str, Any]" = {}
    for key, name, check, low, high, _ in SETTINGS_FIELDS:
        if key in arguments:
            settings[name] = _checked(name, arguments[key], check, low, high)
    if len(settings) != len(arguments):
        unknown = [key for key in arguments if not 0 <= key < len(SETTINGS_FIELDS)]
        raise BodyError("bad_field", "key %d" % unknown[0])
    return settings


def whole_settings(
    named: "dict[str, Any]", before: "dict[str, Any] | None" = None
) -> "dict[str, Any]":
    """All settings: those named, others as `before`, or their defaults. BodyError for a clash."""
    whole: "dict[str, Any]" = {}
    for _, name, _, _, _, default in SETTINGS_FIELDS:
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


def _checked(name: str, value: "Any", check: int, low: int, high: int) -> "Any":
    if not _body.fits(value, check, high) or (check != FLAG and value < low):
        raise BodyError("bad_field", name)
    return value


def body_type(data: bytes) -> int:
    """The type of a verified down body: ANSWER, ORDER or unknown; CborError or BodyError."""
    return _body.decode(data)[0]
