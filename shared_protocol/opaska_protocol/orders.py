# SPDX-License-Identifier: Apache-2.0
"""What the gateway may order: allow-listed kinds, with a strictly rising dseq. SPEC.md, 7."""

from . import body as _body
from .body import FLAG, MAP, UINT
from .errors import BodyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ORDER = 16  # body type

# order kinds; 2..15 are reserved (locate, call, message, keys, update, ...)
SETTINGS = 1

_U32 = 0xFFFFFFFF
_TABLE = (
    (1, "dseq", UINT, _U32, True),
    (2, "kind", UINT, _U32, True),
    (3, "arguments", MAP, 16, True),
)
# settings by key: name, check, lowest, highest
SETTINGS_FIELDS = (
    (1, "hold_ms", UINT, 0, 1_000),  # how long the button is held for an SOS
    (2, "heartbeat_s", UINT, 60, 3_600),
    (3, "quiet", FLAG, 0, 0),  # no buzzer, stronger vibration
    (4, "fall_profile", UINT, 1, 3),  # careful, standard, keen; a fall is never just off
    (5, "fall_cancel_by_hand", FLAG, 0, 0),
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
    for key, name, check, low, high in SETTINGS_FIELDS:
        if name in settings:
            wire[key] = _checked(settings[name], check, low, high)
    if len(wire) != len(settings):
        raise BodyError("bad_field")
    return wire


def settings_from_wire(arguments: "dict[int, Any]") -> "dict[str, Any]":
    """Settings by name; BodyError("bad_field") for an unknown key or bad value."""
    settings: "dict[str, Any]" = {}
    for key, name, check, low, high in SETTINGS_FIELDS:
        if key in arguments:
            settings[name] = _checked(arguments[key], check, low, high)
    if len(settings) != len(arguments):
        raise BodyError("bad_field")
    return settings


def _checked(value: "Any", check: int, low: int, high: int) -> "Any":
    if not _body.fits(value, check, high) or (check == UINT and value < low):
        raise BodyError("bad_field")
    return value


def body_type(data: bytes) -> int:
    """The type of a verified down body: ANSWER, ORDER or unknown; CborError or BodyError."""
    return _body.decode(data)[0]
